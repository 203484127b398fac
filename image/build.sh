#!/bin/sh
# Builds the image from the folder $1, which has the program, and writes it as an OCI archive to $2; $3 is its name.
# Takes the first of docker, podman and buildah that answers.
set -eu
folder=$1 archive=$2 name=$3
recipe=$(dirname "$0")/Dockerfile
version=${name##*:}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
part=$archive.part
rm -f "$part"
set -- --file "$recipe" --tag "$name" --build-arg "VERSION=$version" --build-arg "REVISION=$revision"

if docker version >/dev/null 2>&1; then
    docker build --quiet "$@" "$folder" >/dev/null
    # An OCI archive since Docker 25; older ones write their own.
    docker save --output "$part" "$name"
elif podman info >/dev/null 2>&1; then
    podman build --quiet "$@" "$folder" >/dev/null
    podman save --quiet --format oci-archive --output "$part" "$name"
elif buildah version >/dev/null 2>&1; then
    # Needs no daemon, and with these neither root nor a file system of layers. What it stores is thrown away.
    store=$(mktemp -d)
    trap 'rm -rf "$store"' EXIT
    buildah="buildah --root $store/root --runroot $store/run --storage-driver vfs"
    $buildah bud --quiet --isolation chroot "$@" "$folder" >/dev/null
    $buildah push --quiet "$name" "oci-archive:$part:$name"
else
    echo 'The image cannot be built: neither docker, podman nor buildah answers. Install buildah, which needs no daemon.' >&2
    exit 1
fi
tar -tf "$part" | grep -qx 'oci-layout' || { echo "The image is no OCI archive: update Docker to 25 or newer." >&2; exit 1; }
mv "$part" "$archive"
echo "$archive: $name, $(du -k "$archive" | cut -f1) KiB"
