{{/* What both ways to ask for a decider have in common. */}}
{{- define "attune.injectWebhook" -}}
admissionReviewVersions: [v1]
clientConfig:
  service:
    namespace: {{ .Release.Namespace }}
    name: {{ include "attune.fullname" . }}-operator
    path: /webhooks/inject
    port: 443
# A pod starts, whatever becomes of us; it is found and named on its Channel later.
failurePolicy: Ignore
matchPolicy: Equivalent
reinvocationPolicy: IfNeeded
sideEffects: None
timeoutSeconds: {{ .Values.webhooks.timeoutSeconds }}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE]
    resources: [pods]
    scope: Namespaced
{{- end -}}

{{/* Namespaces whose pods are looked at. Our own are not: the operator must start without itself. */}}
{{- define "attune.injectNamespaces" -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values:
      {{- concat (list "kube-system" .Release.Namespace) .Values.webhooks.excludedNamespaces | uniq | toYaml | nindent 6 }}
  {{- with .Values.watchNamespaces }}
  - key: kubernetes.io/metadata.name
    operator: In
    values:
      {{- toYaml . | nindent 6 }}
  {{- end }}
{{- end -}}

{{/* Lets cert-manager write `caBundle`. */}}
{{- define "attune.injectCa" -}}
{{- if eq .Values.certificates.mode "CertManager" -}}
annotations:
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "attune.fullname" . }}-operator-tls
{{- end -}}
{{- end -}}
