{{- define "waggle.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "waggle.labels" -}}
app.kubernetes.io/name: waggle
{{- end }}

{{- define "waggle.selectorLabels" -}}
app.kubernetes.io/name: waggle
app.kubernetes.io/component: agent
{{- end }}

{{- /* An address as it stands before a port: IPv6 in brackets. */ -}}
{{- define "waggle.host" -}}
{{- if contains ":" . }}[{{ . }}]{{ else }}{{ . }}{{ end }}
{{- end }}

{{- define "waggle.kubeProxyConfiguration" -}}
{{- $own := dict
  "apiVersion" "kubeproxy.config.k8s.io/v1alpha1"
  "kind" "KubeProxyConfiguration"
  "clientConnection" (dict "kubeconfig" "/etc/waggle/kubeconfig.conf")
  "healthzBindAddress" (printf "%s:%d" (include "waggle.host" .Values.healthz.address) (int .Values.healthz.port))
  "metricsBindAddress" (printf "%s:%d" (include "waggle.host" .Values.metrics.address) (int .Values.metrics.port)) }}
{{- toYaml (merge $own (deepCopy .Values.config.kubeProxy)) }}
{{- end }}

{{- define "waggle.waggleConfiguration" -}}
{{- $own := dict
  "apiVersion" "waggle.dev/v1alpha1"
  "kind" "WaggleConfiguration"
  "cgroupRoot" "/run/waggle/cgroup-root" }}
{{- toYaml (merge $own (deepCopy .Values.config.waggle)) }}
{{- end }}
