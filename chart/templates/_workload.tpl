{{/*
A Deployment with a Dapr sidecar, and its ServiceAccount.

Context: root, and
  name       the app's id, also the Deployment's and the ServiceAccount's name
  values     resources, sidecar, replicas and perhaps autoscaling
  key        whose image it is: frontend or backend
  args       of the image's program; a list
  ports      of the container, number by name: `metrics`, and the one that is probed, which is `http`
             if a service has it
  env        variables by name
  appPort    port on loopback that the sidecar calls; none for an app that only calls
  writable   folders it writes to; a list
*/}}
{{- define "todo-app.workload" -}}
{{- $root := .root }}
{{- $values := $root.Values }}
{{- $shutdown := int $values.config.shutdownSeconds }}
{{- $scaled := and .values.autoscaling .values.autoscaling.enabled }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  labels: {{- include "todo-app.labels" $root | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels:
    {{- include "todo-app.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
spec:
  {{- /* With an autoscaler every upgrade would put its number back. */}}
  {{- if not $scaled }}
  replicas: {{ .values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- include "todo-app.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .name }}
  strategy:
    rollingUpdate:
      # One of one stays until the next is ready; of more, one may go first where there is no room.
      maxUnavailable: 50%
      maxSurge: 1
  template:
    metadata:
      labels:
        {{- include "todo-app.selector" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .name }}
      annotations:
        checksum/config: {{ include (print $root.Template.BasePath "/config.yaml") $root | sha256sum }}
        {{- /* Sidecars read these when they start, and never again. */}}
        {{- range list "components" "configurations" "resiliency" }}
        checksum/dapr-{{ . }}: {{ include (printf "%s/dapr-%s.yaml" $root.Template.BasePath .) $root | sha256sum }}
        {{- end }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        dapr.io/enabled: "true"
        dapr.io/app-id: {{ .name }}
        dapr.io/config: {{ .name }}
        dapr.io/api-token-secret: dapr-api-token
        dapr.io/log-level: {{ $values.dapr.logLevel }}
        dapr.io/log-as-json: "true"
        {{- with $values.dapr.env }}
        dapr.io/env: {{ . | quote }}
        {{- end }}
        dapr.io/max-body-size: 4Mi
        dapr.io/enable-metrics: "true"
        dapr.io/metrics-port: "9090"
        dapr.io/sidecar-cpu-request: {{ .values.sidecar.requests.cpu | quote }}
        dapr.io/sidecar-cpu-limit: {{ .values.sidecar.limits.cpu | quote }}
        dapr.io/sidecar-memory-request: {{ .values.sidecar.requests.memory | quote }}
        dapr.io/sidecar-memory-limit: {{ .values.sidecar.limits.memory | quote }}
        dapr.io/sidecar-seccomp-profile-type: RuntimeDefault
        # The store below reads what a role allows; the built-in one would not be scoped.
        dapr.io/disable-builtin-k8s-secret-store: "true"
        # The sidecar alone gets a token for the Kubernetes API.
        dapr.io/volume-mounts: kubernetes-api:/var/run/secrets/kubernetes.io/serviceaccount
        {{- if .appPort }}
        dapr.io/app-port: {{ .appPort | quote }}
        dapr.io/app-token-secret: dapr-app-token
        dapr.io/enable-app-health-check: "true"
        dapr.io/app-health-check-path: /healthz
        dapr.io/app-health-probe-interval: "2"
        dapr.io/app-health-probe-timeout: "1500"
        dapr.io/app-health-threshold: "3"
        # On SIGTERM the app reports unhealthy and goes on serving; the sidecar, once it has seen
        # that, moves the actors away and ends, and the app after it.
        dapr.io/block-shutdown-duration: {{ printf "%ds" (add 5 $shutdown) }}
        {{- else }}
        # Nobody tells the sidecar of an app that only calls when it has ended.
        dapr.io/block-shutdown-duration: 15s
        {{- end }}
        dapr.io/graceful-shutdown-seconds: "10"
    spec:
      serviceAccountName: {{ .name }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      # The stop hook's 5 s, the app's time, and its sidecar's.
      terminationGracePeriodSeconds: {{ add 5 $shutdown 20 }}
      securityContext: {{- include "todo-app.podSecurity" $root | nindent 8 }}
      {{- with include "todo-app.placing" $root | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "todo-app.selector" $root | nindent 14 }}
              app.kubernetes.io/component: {{ .name }}
      containers:
        - name: {{ .name }}
          image: {{ include "todo-app.image" (dict "root" $root "key" .key) }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          {{- with .args }}
          args: {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            {{- range $name, $number := .ports }}
            - name: {{ $name }}
              containerPort: {{ $number }}
            {{- end }}
          {{- if eq .key "backend" }}
          envFrom:
            - configMapRef:
                name: app-config
          {{- end }}
          env:
            {{- with include "todo-app.env" .env | trim }}
            {{- . | nindent 12 }}
            {{- end }}
            - name: DAPR_API_TOKEN
              valueFrom:
                secretKeyRef: { name: dapr-api-token, key: token }
            {{- if .appPort }}
            - name: APP_API_TOKEN
              valueFrom:
                secretKeyRef: { name: dapr-app-token, key: token }
            {{- end }}
          {{- $port := without (keys .ports) "metrics" | first }}
          startupProbe:
            tcpSocket: { port: {{ $port }} }
            periodSeconds: 1
            # On a new node the sidecar's image comes first, and until then the app cannot start.
            failureThreshold: 120
          livenessProbe:
            httpGet: { path: /healthz, port: {{ $port }} }
            periodSeconds: 10
            timeoutSeconds: 3
          readinessProbe:
            httpGet: { path: /readyz, port: {{ $port }} }
            periodSeconds: 3
            timeoutSeconds: 3
          {{- if hasKey .ports "http" }}
          lifecycle:
            preStop:
              # Until the balancers have heard that this pod goes, it is still called.
              sleep: { seconds: 5 }
          {{- end }}
          resources: {{- toYaml .values.resources | nindent 12 }}
          securityContext: {{- include "todo-app.containerSecurity" $root | nindent 12 }}
          {{- with .writable }}
          volumeMounts:
            {{- range $place, $path := . }}
            - name: writable-{{ $place }}
              mountPath: {{ $path }}
            {{- end }}
          {{- end }}
      volumes:
        - name: kubernetes-api
          projected:
            sources:
              - serviceAccountToken: { path: token, expirationSeconds: 3600 }
              - configMap:
                  name: kube-root-ca.crt
                  items: [{ key: ca.crt, path: ca.crt }]
              - downwardAPI:
                  items:
                    - path: namespace
                      fieldRef: { fieldPath: metadata.namespace }
        {{- range $place, $path := .writable }}
        - name: writable-{{ $place }}
          emptyDir: { sizeLimit: 64Mi }
        {{- end }}
{{- end }}

{{/* How many replicas there are, and how many at least. Context: as above. */}}
{{- define "todo-app.scaling" -}}
{{- $scaling := .values.autoscaling }}
{{- if $scaling.enabled }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  labels: {{- include "todo-app.labels" .root | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    # Of the app alone: its sidecar's share of a pod would blur it.
    - type: ContainerResource
      containerResource:
        name: cpu
        container: {{ .name }}
        target:
          type: Utilization
          averageUtilization: {{ $scaling.targetCPU }}
  behavior:
    scaleDown:
      # Each replica that goes moves its actors.
      stabilizationWindowSeconds: 300
      policies:
        - { type: Pods, value: 1, periodSeconds: 120 }
---
{{- end }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  labels: {{- include "todo-app.labels" .root | nindent 4 }}
spec:
  # One at a time. A smallest number would keep a node with the only replica from being drained.
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "todo-app.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .name }}
{{- end }}
