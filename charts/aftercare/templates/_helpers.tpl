{{/* Environment name of a service: parts-inventory -> PARTS_INVENTORY */}}
{{- define "aftercare.env" -}}{{ . | upper | replace "-" "_" }}{{- end -}}

{{- define "aftercare.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: aftercare
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- end -}}
