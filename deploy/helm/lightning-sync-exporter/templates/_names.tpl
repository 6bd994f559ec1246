{{- define "lightning-sync-exporter.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "lightning-sync-exporter.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "lightning-sync-exporter.labels" -}}
{{ include "lightning-sync-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- /* Where rules.yaml and the dashboards say that people reach the daemon. */ -}}
{{- define "lightning-sync-exporter.local" -}}http://127.0.0.1:9877{{- end -}}

{{- /* Where they do. */ -}}
{{- define "lightning-sync-exporter.url" -}}
{{- $outside := ternary (printf "https://%s" .Values.ingress.host) (include "lightning-sync-exporter.local" .) .Values.ingress.enabled -}}
{{- .Values.prometheusRule.externalUrl | default (dig "web" "external_url" $outside .Values.config) | trimSuffix "/" -}}
{{- end -}}

{{- /* What would render and could not work. */ -}}
{{- define "lightning-sync-exporter.check" -}}
{{- if and (not .Values.existingSecret) (contains "/etc/lightning-sync/secrets/" (toYaml .Values.config)) -}}
{{- fail "config names files in /etc/lightning-sync/secrets, and existingSecret is empty: name the secret that has them" -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.egress) -}}
{{- range .Values.config.orgs -}}
{{- if or .salesforce .exchange -}}
{{- fail (printf "orgs[%s] polls over the network, and networkPolicy.egress allows nothing: allow TCP 443 and DNS" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.enabled needs ingress.host" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs: the gateways that the route belongs to" -}}
{{- end -}}
{{- if and (or .Values.ingress.enabled .Values.httpRoute.enabled) .Values.networkPolicy.enabled (not .Values.networkPolicy.from) -}}
{{- fail "ingress and httpRoute lead here from another namespace, and networkPolicy.from lets nobody of another in: name the controller's" -}}
{{- end -}}
{{- end -}}
