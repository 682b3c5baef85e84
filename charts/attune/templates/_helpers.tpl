{{/* Prefix of the names of objects. Short enough for `-collector-tls` and for the hashes that controllers add. */}}
{{- define "attune.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Labels that select pods of a part. They must never change: a Deployment's selector cannot.
     Call with (dict "root" $ "component" "operator"). */}}
{{- define "attune.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* All recommended labels. */}}
{{- define "attune.labels" -}}
{{ include "attune.selector" . }}
app.kubernetes.io/part-of: attune
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Reference of an image. Call with (dict "image" .Values.image "root" $). */}}
{{- define "attune.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ default .root.Chart.AppVersion .image.tag }}
{{- end -}}
{{- end -}}

{{/* Reference of the deciders' image: field by field the operator's, unless it has a repository of its own. */}}
{{- define "attune.deciderImage" -}}
{{- if .Values.decider.image.repository -}}
{{ include "attune.image" (dict "image" .Values.decider.image "root" .) }}
{{- else -}}
{{- $digest := or .Values.decider.image.digest (ternary .Values.image.digest "" (empty .Values.decider.image.tag)) -}}
{{- $image := dict "repository" .Values.image.repository "tag" (or .Values.decider.image.tag .Values.image.tag) "digest" $digest -}}
{{ include "attune.image" (dict "image" $image "root" .) }}
{{- end -}}
{{- end -}}

{{/* Restricted Pod Security, for a pod. */}}
{{- define "attune.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Restricted Pod Security, for a container. */}}
{{- define "attune.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end -}}

{{/* Where a pod may run. Call with (dict "part" .Values.operator "root" $). */}}
{{- define "attune.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Probes of a container that tells about itself on port 8080. */}}
{{- define "attune.probes" -}}
startupProbe:
  httpGet:
    path: /healthz
    port: probes
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: probes
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /readyz
    port: probes
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* Whether the operator keeps the webhook configurations' caBundle, which it then may read and patch. */}}
{{- define "attune.keepsCaBundle" -}}
{{- if and .Values.webhooks.enabled (eq .Values.certificates.mode "SelfManaged") }}true{{ end -}}
{{- end -}}

{{/* Plural names of the kinds that live in namespaces. */}}
{{- define "attune.namespacedKinds" -}}
- audiences
- channelbindings
- channels
- contentmodules
- datacontracts
- experiments
- holdouts
- metrics
- programs
{{- end -}}
