{{/* For the whole cluster, in either mode. */}}
{{- define "attune.clusterRules" -}}
- apiGroups: [attune.dev]
  resources: [governancepolicies]
  verbs: [get, list, watch]
# Their labels: which policy selects them, whose pods ask for a decider.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
# Which pod asks for a bundle.
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
{{- end -}}

{{/* For each namespace that the operator works in. */}}
{{- define "attune.namespaceRules" -}}
- apiGroups: [attune.dev]
  resources:
    {{- include "attune.namespacedKinds" . | nindent 4 }}
  verbs: [get, list, watch]
- apiGroups: [attune.dev]
  resources:
    {{- range include "attune.namespacedKinds" . | fromYamlArray }}
    - {{ . }}/status
    {{- end }}
  verbs: [patch]
# Owner references that block deletion, where OwnerReferencesPermissionEnforcement is on.
- apiGroups: [attune.dev]
  resources: [channels/finalizers]
  verbs: [update]
# Bundles, rules, and the certificates that deciders trust.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
# Which pods should have a decider, which have one, and what the pods of batches said when they ended.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# Whether owners may change what they own.
- apiGroups: [authorization.k8s.io]
  resources: [localsubjectaccessreviews]
  verbs: [create]
# Delivery `service`.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
# Delivery `batch`.
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [get, list, watch, create, patch, delete]
{{- if .Values.rbac.metricSecrets }}
# Where a Metric's database is.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}
{{- with .Values.rbac.pushSecrets }}
# How receivers of rules are called.
- apiGroups: [""]
  resources: [secrets]
  {{- if not (has "*" .) }}
  resourceNames:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  verbs: [get]
{{- end }}
{{- end -}}

{{/* For the release's own namespace. */}}
{{- define "attune.releaseRules" -}}
{{- $fullname := include "attune.fullname" . -}}
# No other Secret, for any verb: server-side apply creates under a name, so that even `create` is bound to it.
- apiGroups: [""]
  resources: [secrets]
  resourceNames:
    - {{ $fullname }}-operator-tls
    {{- if .Values.collector.enabled }}
    - {{ $fullname }}-collector-tls
    {{- end }}
  verbs: {{ ternary "[get, list, watch, create, patch]" "[get, list, watch]" (eq .Values.certificates.mode "SelfManaged") }}
# Who leads.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ $fullname }}-operator]
  verbs: [get, list, watch, patch, update]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
# The other replicas.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
{{- end -}}
