{{- define "kubevirt-preflight.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
46 characters leave room for the longest suffix in a name of 63. The name of a Service, and so of the webhook in its certificate,
has no dots, which a release may have.
*/}}
{{- define "kubevirt-preflight.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $own := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $own .Values.fullnameOverride | replace "." "-" | trunc 46 | trimSuffix "-" }}
{{- end }}

{{- define "kubevirt-preflight.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kubevirt-preflight.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The Secret that the Deployment mounts, or that the program itself keeps. */}}
{{- define "kubevirt-preflight.secretName" -}}
{{- if eq .Values.certificates.mode "provided" }}
{{- required "certificates.provided.secretName is empty: name the Secret that has tls.crt and tls.key." .Values.certificates.provided.secretName }}
{{- else }}
{{- include "kubevirt-preflight.fullname" . }}-tls
{{- end }}
{{- end }}

{{- define "kubevirt-preflight.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kubevirt-preflight.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of everything. */}}
{{- define "kubevirt-preflight.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "kubevirt-preflight.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kubevirt-preflight.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}
