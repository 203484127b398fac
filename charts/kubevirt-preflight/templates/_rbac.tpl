{{/* Reading one resource, or one object of it. */}}
{{- define "kubevirt-preflight.readRule" -}}
# {{ join ", " .sources }}{{ with .namespace }} (in {{ . }}){{ end }}
- apiGroups: [{{ .group | quote }}]
  resources: [{{ .resource }}]
  {{- with .name }}
  resourceNames: [{{ . | quote }}]
  {{- end }}
  verbs: [get, list, watch]
{{- end }}

{{- define "kubevirt-preflight.webhookSubject" -}}
- kind: ServiceAccount
  name: {{ include "kubevirt-preflight.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* The audit's own account reads the same and does nothing else. */}}
{{- define "kubevirt-preflight.readers" -}}
{{ include "kubevirt-preflight.webhookSubject" . }}
{{- if .Values.audit.enabled }}
- kind: ServiceAccount
  name: {{ include "kubevirt-preflight.fullname" . }}-audit
  namespace: {{ .Release.Namespace }}
{{- end }}
{{- end }}
