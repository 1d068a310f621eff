{{/* Annotations of what is there for the jobs before an install or upgrade. Context: the weight. */}}
{{- define "todo-app.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{/*
A job of the backend's image that ends before the release changes.

Context: root, name (also the program's subcommand), weight, env, and secret with the keys of it
that lie in /run/secrets/todo as files.
*/}}
{{- define "todo-app.job" -}}
{{- $root := .root }}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name }}
  labels:
    {{- include "todo-app.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
  annotations: {{- include "todo-app.hook" .weight | nindent 4 }}
spec:
  # Three tries of up to a minute, with 10 and 20 s in between.
  backoffLimit: 2
  activeDeadlineSeconds: {{ $root.Values.jobs.deadlineSeconds }}
  template:
    metadata:
      labels:
        {{- include "todo-app.selector" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .name }}
      annotations:
        dapr.io/enabled: "false"
    spec:
      # At the first install there is no account of ours yet, and none is needed.
      automountServiceAccountToken: false
      enableServiceLinks: false
      restartPolicy: Never
      securityContext: {{- include "todo-app.podSecurity" $root | nindent 8 }}
      {{- with include "todo-app.placing" $root | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      containers:
        - name: {{ .name }}
          image: {{ include "todo-app.image" (dict "root" $root "key" "backend") }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .name }}]
          env: {{- include "todo-app.env" .env | trim | nindent 12 }}
          resources: {{- toYaml $root.Values.jobs.resources | nindent 12 }}
          securityContext: {{- include "todo-app.containerSecurity" $root | nindent 12 }}
          {{- if .files }}
          volumeMounts:
            - name: secrets
              mountPath: /run/secrets/todo
              readOnly: true
          {{- end }}
      {{- if .files }}
      volumes:
        - name: secrets
          secret:
            secretName: {{ .secret }}
            defaultMode: 0440
            items:
              {{- range .files }}
              - { key: {{ . }}, path: {{ . }} }
              {{- end }}
      {{- end }}
{{- end }}
