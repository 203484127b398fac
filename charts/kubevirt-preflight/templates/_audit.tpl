{{/* The container of a pod that looks at the cluster once: `dict "root" $ "command" WORDS "args" LIST`. */}}
{{- define "kubevirt-preflight.auditContainer" -}}
- name: kubevirt-preflight
  image: {{ include "kubevirt-preflight.image" .root | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args:
    {{- toYaml .command | nindent 4 }}
    - --policy=/etc/kubevirt-preflight/policy/policy.yaml
    {{- if .root.Values.nodeNetworkState.enabled }}
    - --node-network-state
    {{- end }}
    {{- with .args }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  env:
    {{- include "kubevirt-preflight.podNames" .root | nindent 4 }}
  {{- with .root.Values.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    {{- include "kubevirt-preflight.readingMounts" .root | nindent 4 }}
{{- end }}
