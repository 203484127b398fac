{{/* The policy file: the value, what makes it one, and the install namespaces of both places. */}}
{{- define "kubevirt-preflight.policy" -}}
{{- $policy := dict "apiVersion" "kubevirt-preflight.io/v1alpha1" "kind" "Policy" | mergeOverwrite (deepCopy .Values.policy) }}
{{- with concat (default list $policy.installNamespaces) .Values.installNamespaces | uniq }}
{{- $_ := set $policy "installNamespaces" . }}
{{- end }}
{{- toYaml $policy }}
{{- end }}

{{/* The level of a refused deletion: what enforcement and rules of the policy leave of it. */}}
{{- define "kubevirt-preflight.deletionLevel" -}}
{{- $level := dig "rules" "attachment-in-use" (ternary "warn" "deny" (eq (default "recommended" .Values.policy.profile) "relaxed")) .Values.policy }}
{{- if and (eq $level "deny") (eq (default "deny" .Values.policy.enforcement) "warn") }}warn{{ else }}{{ $level }}{{ end }}
{{- end }}
