{{/* Who may reach port 8080. The kubelet's probes come from the node and always may. */}}
{{- define "attune.monitoringIngress" -}}
- from:
    - namespaceSelector:
        {{- toYaml .Values.networkPolicy.monitoring.namespaceSelector | nindent 8 }}
      {{- with .Values.networkPolicy.monitoring.podSelector }}
      podSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    # `helm test`.
    - podSelector:
        matchLabels:
          {{- include "attune.selector" (dict "root" . "component" "test") | nindent 10 }}
  ports:
    - port: 8080
{{- end -}}

{{/* What may be reached: DNS, the API server and each other. */}}
{{- define "attune.egress" -}}
- to:
    - namespaceSelector: {}
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
- ports:
    {{- range .Values.networkPolicy.egress.apiServerPorts }}
    - port: {{ . }}
    {{- end }}
- to:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
          app.kubernetes.io/instance: {{ .Release.Name }}
  ports:
    - port: 8443
{{- with .Values.networkPolicy.egress.rules }}
{{ toYaml . }}
{{- end }}
{{- end -}}
