{{/*
Conditions in CEL under which a write is sent to the webhook. An error in one would be a refusal in the entry that is
`Fail`, so every step to a field is optional (`.?`), a field that is `null` counts as absent, and `oldObject`, which is
null at CREATE, is looked at only for an UPDATE. The API server has checked an object against its CRD by then.

Each takes the name of the variable: `object` or `oldObject`.
*/}}

{{- define "kubevirt-preflight.cel.isKubeVirt" -}}
request.kind.kind == 'KubeVirt'
{{- end }}

{{/* The value of a field by its keys, or null: `list "object" "spec" "infra"`. */}}
{{- define "kubevirt-preflight.cel.field" -}}
{{ first . }}{{ range rest . }}.?{{ . }}{{ end }}.orValue(null)
{{- end }}

{{- define "kubevirt-preflight.cel.annotation" -}}
{{ index . 0 }}.?metadata.?annotations[?'{{ index . 1 }}'].orValue('')
{{- end }}

{{- define "kubevirt-preflight.cel.label" -}}
{{ index . 0 }}.?metadata.?labels[?'{{ index . 1 }}'].orValue('')
{{- end }}

{{/* The patches of KubeVirt that have Multus's annotation in them, also with its slash escaped. */}}
{{- define "kubevirt-preflight.cel.patches" -}}
{{ . }}.?spec.?customizeComponents.?patches.orValue([]).filter(p, p.?patch.orValue('').contains('k8s.v1.cni.cncf.io'))
{{- end }}

{{/* Whether HyperConverged's JSON patch names the network. */}}
{{- define "kubevirt-preflight.cel.patchesNetwork" -}}
{{- $patch := include "kubevirt-preflight.cel.annotation" (list . "kubevirt.kubevirt.io/jsonpatch") -}}
({{ $patch }}.contains('migrations') && {{ $patch }}.contains('network'))
{{- end }}

{{/* Whether a field differs, by its keys. */}}
{{- define "kubevirt-preflight.cel.differs" -}}
{{ include "kubevirt-preflight.cel.field" (prepend . "object") }} != {{ include "kubevirt-preflight.cel.field" (prepend . "oldObject") }}
{{- end }}

{{- define "kubevirt-preflight.cel.names" -}}
{{ include "kubevirt-preflight.cel.field" (prepend . "object") }} != null
{{- end }}

{{/*
Whether the write names a migration network and changes which: by the field, or by a patch. Taking the network away names
none, whatever else the write does: an outage must never stop it.
*/}}
{{- define "kubevirt-preflight.cel.changesNetwork" -}}
{{- $field := list "spec" "configuration" "migrations" "network" }}
{{- $beta := list "spec" "liveMigrationConfig" "network" }}
{{- $stable := list "spec" "virtualization" "liveMigrationConfig" "network" }}
{{- $patches := include "kubevirt-preflight.cel.patches" "object" }}
{{- $oldPatches := include "kubevirt-preflight.cel.patches" "oldObject" }}
{{- $patch := include "kubevirt-preflight.cel.annotation" (list "object" "kubevirt.kubevirt.io/jsonpatch") }}
{{- $oldPatch := include "kubevirt-preflight.cel.annotation" (list "oldObject" "kubevirt.kubevirt.io/jsonpatch") }}
{{- $byPatch := include "kubevirt-preflight.cel.patchesNetwork" "object" -}}
({{ include "kubevirt-preflight.cel.isKubeVirt" . }}
  ? (request.operation == 'CREATE'
    ? {{ include "kubevirt-preflight.cel.names" $field }}
      || {{ $patches }}.size() > 0
    : {{ include "kubevirt-preflight.cel.names" $field }}
      && {{ include "kubevirt-preflight.cel.differs" $field }}
      || ({{ include "kubevirt-preflight.cel.names" $field }}
        || {{ $patches }}.size() > 0)
      && {{ $patches }}
        != {{ $oldPatches }})
  : (request.operation == 'CREATE'
    ? {{ include "kubevirt-preflight.cel.names" $beta }}
      || {{ include "kubevirt-preflight.cel.names" $stable }}
      || {{ $byPatch }}
    : {{ include "kubevirt-preflight.cel.names" $beta }}
      && {{ include "kubevirt-preflight.cel.differs" $beta }}
      || {{ include "kubevirt-preflight.cel.names" $stable }}
      && {{ include "kubevirt-preflight.cel.differs" $stable }}
      || {{ $patch }}
        != {{ $oldPatch }}
      && ({{ $byPatch }}
        || {{ include "kubevirt-preflight.cel.patchesNetwork" "oldObject" }}
        && ({{ include "kubevirt-preflight.cel.names" $beta }}
          || {{ include "kubevirt-preflight.cel.names" $stable }}))))
{{- end }}

{{/* Whether the write changes something else of KubeVirt or HyperConverged that a rule reads. */}}
{{- define "kubevirt-preflight.cel.changesSettings" -}}
request.operation == 'CREATE'
|| ({{ include "kubevirt-preflight.cel.isKubeVirt" . }}
  ? {{ include "kubevirt-preflight.cel.differs" (list "spec" "configuration" "migrations" "disableTLS") }}
    || {{ include "kubevirt-preflight.cel.differs" (list "spec" "configuration" "developerConfiguration" "featureGates") }}
    || {{ include "kubevirt-preflight.cel.differs" (list "spec" "customizeComponents" "patches") }}
    || {{ include "kubevirt-preflight.cel.differs" (list "spec" "infra" "replicas") }}
    || {{ include "kubevirt-preflight.cel.differs" (list "spec" "workloads" "nodePlacement") }}
  : {{ include "kubevirt-preflight.cel.differs" (list "spec" "featureGates") }}
    || {{ include "kubevirt-preflight.cel.differs" (list "spec" "workloads" "nodePlacement") }}
    || {{ include "kubevirt-preflight.cel.annotation" (list "object" "kubevirt.kubevirt.io/jsonpatch") }}
      != {{ include "kubevirt-preflight.cel.annotation" (list "oldObject" "kubevirt.kubevirt.io/jsonpatch") }})
{{- end }}

{{/* Whether the write changes what is read of a NAD. */}}
{{- define "kubevirt-preflight.cel.changesAttachment" -}}
request.operation != 'UPDATE'
|| !has(object.metadata.deletionTimestamp)
  && ({{ include "kubevirt-preflight.cel.differs" (list "spec") }}
    || {{ include "kubevirt-preflight.cel.label" (list "object" "kubevirt-preflight.io/migration-network") }}
      != {{ include "kubevirt-preflight.cel.label" (list "oldObject" "kubevirt-preflight.io/migration-network") }}
    || {{ include "kubevirt-preflight.cel.annotation" (list "object" "k8s.v1.cni.cncf.io/resourceName") }}
      != {{ include "kubevirt-preflight.cel.annotation" (list "oldObject" "k8s.v1.cni.cncf.io/resourceName") }})
{{- end }}
