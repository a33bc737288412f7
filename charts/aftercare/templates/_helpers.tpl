{{/* Environment name of a service: parts-inventory -> PARTS_INVENTORY */}}
{{- define "aftercare.env" -}}{{ . | upper | replace "-" "_" }}{{- end -}}

{{/* Labels that select the pods of a service. Takes (dict "root" $ "name" service "component" server|migrate). */}}
{{- define "aftercare.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component | default "server" }}
{{- end -}}

{{- define "aftercare.labels" -}}
{{ include "aftercare.selector" . }}
app.kubernetes.io/part-of: aftercare
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{- define "aftercare.image" -}}
{{ .root.Values.image.registry }}/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{/* What a service gets: the defaults, then its own. As YAML, since a template returns text. */}}
{{- define "aftercare.service" -}}
{{- mustMergeOverwrite (deepCopy .root.Values.defaults) (deepCopy (index .root.Values.services .name | default dict)) | toYaml -}}
{{- end -}}

{{/* Names of the Secrets: the trial's own, or those made beforehand. */}}
{{- define "aftercare.sharedSecret" -}}
{{- if .Values.trial.enabled }}{{ .Release.Name }}-trial{{ else }}{{ .Values.secrets.shared }}{{ end -}}
{{- end -}}
{{- define "aftercare.databaseSecret" -}}
{{- if .Values.trial.enabled }}{{ .Release.Name }}-trial{{ else }}{{ .Values.secrets.database }}{{ end -}}
{{- end -}}

{{/* The restricted profile, and more: nothing a service does not need. */}}
{{- define "aftercare.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}
{{- define "aftercare.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What server and migration of a service are told. Takes (dict "root" $ "name" service "service" values). */}}
{{- define "aftercare.environment" -}}
- {name: AFTERCARE__ENVIRONMENT, value: production}
- {name: AFTERCARE__LISTEN, value: "0.0.0.0:8080"}
- {name: AFTERCARE__ADMIN, value: "0.0.0.0:9090"}
- {name: AFTERCARE__BUS__KIND, value: redis}
- name: AFTERCARE__BUS__INSTANCE
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: AFTERCARE__BUS__URL
  valueFrom: {secretKeyRef: {name: {{ include "aftercare.sharedSecret" .root }}, key: redis-url}}
- name: AFTERCARE__IDENTITY__KEY
  valueFrom: {secretKeyRef: {name: {{ include "aftercare.sharedSecret" .root }}, key: identity-key}}
- name: AFTERCARE__DATABASE__URL
  valueFrom: {secretKeyRef: {name: {{ include "aftercare.databaseSecret" .root }}, key: {{ .name }}-database-url}}
- {name: AFTERCARE__TELEMETRY__LOG_FORMAT, value: json}
- {name: AFTERCARE__TELEMETRY__LOG_FILTER, value: {{ .root.Values.telemetry.logFilter | quote }}}
- {name: AFTERCARE__TELEMETRY__OTLP_ENDPOINT, value: {{ .root.Values.telemetry.endpoint | quote }}}
- {name: AFTERCARE__TELEMETRY__SAMPLE_RATIO, value: {{ .root.Values.telemetry.sampleRatio | quote }}}
{{- $root := .root }}
{{- range $peer := (index (.root.Files.Get "callgraph.yaml" | fromYaml) .name).calls }}
- {name: AFTERCARE__PEERS__{{ include "aftercare.env" $peer }}, value: "http://{{ $root.Release.Name }}-{{ $peer }}:8080"}
{{- end }}
{{- range $key, $value := .service.env }}
- {name: {{ $key }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{/* Where the gateway keeps files. Its own root is read-only, and what stands in a pod is gone with it. */}}
{{- define "aftercare.files" -}}
{{- with .Values.files }}
{{- if .bucket -}}
- {name: AFTERCARE_GATEWAY__FILES__S3__BUCKET, value: {{ .bucket | quote }}}
- {name: AFTERCARE_GATEWAY__FILES__S3__ENDPOINT, value: {{ .endpoint | quote }}}
- {name: AFTERCARE_GATEWAY__FILES__S3__REGION, value: {{ .region | quote }}}
{{- with .secret }}
- name: AFTERCARE_GATEWAY__FILES__S3__ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: access-key}}
- name: AFTERCARE_GATEWAY__FILES__S3__SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: secret-key}}
{{- end }}
{{- else if .claim -}}
- {name: AFTERCARE_GATEWAY__FILES__FOLDER, value: /var/lib/aftercare/files}
{{- else if $.Values.trial.enabled -}}
# For a trial: gone with the pod, and each pod has its own.
- {name: AFTERCARE_GATEWAY__FILES__FOLDER, value: /tmp/files}
{{- else -}}
{{- fail "files.bucket or files.claim: photos and signatures need a place that outlives a pod" -}}
{{- end }}
{{- end }}
{{- end -}}
