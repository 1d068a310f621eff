{{/* Labels that tell this release's things from others'. Context: the root. */}}
{{- define "todo-app.selector" -}}
app.kubernetes.io/name: todo-app
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of every object. Context: the root. */}}
{{- define "todo-app.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "todo-app.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: todo-app
{{- end }}

{{/* An image with its tag. Context: root, key (frontend or backend). */}}
{{- define "todo-app.image" -}}
{{- $image := (index .root.Values .key).image }}
{{- $owner := required "image.owner is not set: it names the account whose packages the images are, as in ghcr.io/<owner>/todo-backend." .root.Values.image.owner }}
{{- $tag := required (printf "%s.image.tag is not set: it says which build to run, such as sha-1a2b3c4." .key) $image.tag }}
{{- printf "%s/%s/%s:%s" .root.Values.image.registry ($owner | lower) $image.name $tag }}
{{- end }}

{{/* Where people reach the app. */}}
{{- define "todo-app.publicUrl" -}}
{{ ternary "https" "http" .Values.ingress.tls.enabled }}://{{ .Values.ingress.host }}
{{- end }}

{{- define "todo-app.scram" -}}
{{ if eq .Values.kafka.auth "scram-sha-256" }}true{{ end }}
{{- end }}

{{/*
Refuses a database's URL that does not insist on a certificate that is checked: with less, clients
go on in clear text where the server offers nothing else. Renders nothing.
Context: root, url, and the place where it stands.
*/}}
{{- define "todo-app.checkDatabaseUrl" -}}
{{- if and .root.Values.postgres.verifyTLS (not (regexMatch "[?&]sslmode=verify-full(&|$)" .url)) }}
{{- fail (printf "%s has no sslmode=verify-full, so people's data could travel in clear text: add it, or set postgres.verifyTLS to false for a trial." .place) }}
{{- end }}
{{- end }}

{{/* The database's URL where the chart makes the secrets. */}}
{{- define "todo-app.databaseUrl" -}}
{{- $url := required "secrets.app.DATABASE_URL is not set: with secrets.create it names the PostgreSQL database." .Values.secrets.app.DATABASE_URL }}
{{- include "todo-app.checkDatabaseUrl" (dict "root" . "url" $url "place" "secrets.app.DATABASE_URL") }}
{{- $url | quote }}
{{- end }}

{{/* The ids of the backend and of the consumers of a role; a list as JSON. Context: root and role. */}}
{{- define "todo-app.backendAnd" -}}
{{- $apps := list "backend" }}
{{- range $name, $consumer := .root.Values.consumers }}
{{- if eq $consumer.role $.role }}
{{- $apps = append $apps $name }}
{{- end }}
{{- end }}
{{- toJson $apps }}
{{- end }}

{{/* The ids of all Dapr apps, those with the state store first; a list as JSON. */}}
{{- define "todo-app.apps" -}}
{{ concat (list "frontend" "backend") (keys .Values.consumers | sortAlpha) | toJson }}
{{- end }}

{{/* The ports at which the brokers listen; a list as JSON. */}}
{{- define "todo-app.kafkaPorts" -}}
{{- $ports := list }}
{{- range splitList "," .Values.kafka.brokers }}
{{- $ports = append $ports (splitList ":" (trim .) | last | int) }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}

{{/* Of a pod, as the standard `restricted` wants it. */}}
{{- define "todo-app.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Of a container. */}}
{{- define "todo-app.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What every pod has besides. Context: the root. */}}
{{- define "todo-app.placing" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Variables by name. Context: a map. */}}
{{- define "todo-app.env" -}}
{{- range $name, $value := . -}}
- name: {{ $name }}
  value: {{ $value | quote }}
{{ end }}
{{- end }}

{{/* What kafka-secrets holds when the chart makes it. */}}
{{- define "todo-app.kafkaSecrets" -}}
{{- $kafka := .Values.secrets.kafka -}}
SASL_USERNAME: {{ required "secrets.kafka.SASL_USERNAME is not set: with secrets.create and kafka.auth it is the name known to Kafka." $kafka.SASL_USERNAME | quote }}
SASL_PASSWORD: {{ required "secrets.kafka.SASL_PASSWORD is not set: with secrets.create and kafka.auth it is the password known to Kafka." $kafka.SASL_PASSWORD | quote }}
{{- if .Values.kafka.privateCA }}
CA_CERT: {{ required "secrets.kafka.CA_CERT is not set: with secrets.create and kafka.privateCA it is the authority's certificate." $kafka.CA_CERT | quote }}
{{- end }}
{{- end }}

{{/* How to reach Kafka: metadata of a component. */}}
{{- define "todo-app.kafka" -}}
- name: brokers
  value: {{ .Values.kafka.brokers | quote }}
{{- if include "todo-app.scram" . }}
- { name: authType, value: password }
- { name: saslMechanism, value: SHA-256 }
- name: saslUsername
  secretKeyRef: { name: kafka-secrets, key: SASL_USERNAME }
- name: saslPassword
  secretKeyRef: { name: kafka-secrets, key: SASL_PASSWORD }
- { name: disableTls, value: {{ not .Values.kafka.tls | quote }} }
{{- if .Values.kafka.privateCA }}
- name: caCert
  secretKeyRef: { name: kafka-secrets, key: CA_CERT }
{{- end }}
{{- else }}
- { name: authType, value: none }
{{- end }}
- { name: version, value: 2.8.0 }
- { name: consumeRetryInterval, value: 200ms }
- { name: sessionTimeout, value: 6s }
- { name: heartbeatInterval, value: 2s }
- { name: dialTimeout, value: 2s }
# Joining a group takes as long as the group needs to notice that a former member is gone.
- { name: readTimeout, value: 15s }
- { name: metadataTimeout, value: 1s }
{{- end }}
