{{/* What all entries have in common. */}}
{{- define "kubevirt-preflight.webhookCommon" -}}
admissionReviewVersions: [v1]
# A refusal becomes an Event, but not in a dry run.
sideEffects: NoneOnDryRun
matchPolicy: Equivalent
clientConfig:
  service:
    name: {{ include "kubevirt-preflight.fullname" . }}
    namespace: {{ .Release.Namespace }}
    path: /validate
    port: 443
{{- end }}

{{- define "kubevirt-preflight.webhookReferrers" -}}
- apiGroups: [kubevirt.io]
  apiVersions: [v1, v1alpha3]
  operations: [CREATE, UPDATE]
  resources: [kubevirts]
  scope: Namespaced
- apiGroups: [hco.kubevirt.io]
  apiVersions: [v1, v1beta1]
  operations: [CREATE, UPDATE]
  resources: [hyperconvergeds]
  scope: Namespaced
{{- end }}

{{- define "kubevirt-preflight.webhookConditions" -}}
{{- with .Values.webhook.matchConditions }}
{{- toYaml . }}
{{- end }}
{{- end }}
