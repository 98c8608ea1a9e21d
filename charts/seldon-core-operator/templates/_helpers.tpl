{{- /* Names, labels and images that several objects share. */ -}}

{{- define "hari.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "hari.version" -}}
{{- .Chart.AppVersion | replace "+" "_" -}}
{{- end -}}

{{- /* Labels of every object. */ -}}
{{- define "hari.labels" -}}
app: seldon
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/version: {{ include "hari.version" . | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* The selector of the Deployment. It cannot be changed once there, so it is the same for every
version, the one of Seldon Core v1 included; what is there already wins. */ -}}
{{- define "hari.selector" -}}
{{- $there := lookup "apps/v1" "Deployment" (include "hari.namespace" .) "seldon-controller-manager" | default dict -}}
{{- $labels := dig "spec" "selector" "matchLabels" dict $there -}}
{{- if not $labels -}}
{{- $labels = dict "app.kubernetes.io/instance" "seldon1" "app.kubernetes.io/name" "seldon" "app.kubernetes.io/version" "v0.5" "control-plane" "seldon-controller-manager" -}}
{{- end -}}
{{- toYaml $labels -}}
{{- end -}}

{{- define "hari.podLabels" -}}
{{- $pod := dict "app" "seldon" "control-plane" "seldon-controller-manager" "hari.dev/version" (include "hari.version" .) -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.hari.podLabels) $pod (include "hari.selector" . | fromYaml)) -}}
{{- end -}}

{{- /* An image of `registry`, `repository`, `tag` and `digest`. */ -}}
{{- define "hari.reference" -}}
{{- $name := .repository -}}
{{- if .registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .registry) .repository }}{{ end -}}
{{- if .digest -}}
{{ $name }}@{{ .digest }}
{{- else -}}
{{ $name }}:{{ .tag }}
{{- end -}}
{{- end -}}

{{- /* Hari's image. That of Seldon Core v1 is what values of an earlier release may still say. */ -}}
{{- define "hari.image" -}}
{{- $image := deepCopy .Values.image -}}
{{- if or (not $image.repository) (eq $image.repository "seldonio/seldon-core-operator") -}}
{{- $image = dict "registry" "" "repository" "hari" "tag" "" "digest" "" -}}
{{- end -}}
{{- if not $image.tag }}{{ $_ := set $image "tag" .Chart.AppVersion }}{{ end -}}
{{- include "hari.reference" $image -}}
{{- end -}}

{{- /* The image in pods. */ -}}
{{- define "hari.engineImage" -}}
{{- $image := deepCopy .Values.executor.image -}}
{{- if or (not $image.repository) (eq $image.repository "seldonio/seldon-core-executor") -}}
{{- include "hari.image" . -}}
{{- else -}}
{{- if not $image.tag }}{{ $_ := set $image "tag" .Chart.AppVersion }}{{ end -}}
{{- include "hari.reference" $image -}}
{{- end -}}
{{- end -}}

{{- /* Whether there is a webhook, and whether the chart makes its objects; "" is no. */ -}}
{{- define "hari.webhook" -}}
{{- if .Values.hari.webhook.enabled }}true{{ end -}}
{{- end -}}
{{- define "hari.webhookObjects" -}}
{{- if and .Values.hari.webhook.enabled (not .Values.managerCreateResources) }}true{{ end -}}
{{- end -}}

{{- /* Whether the operator keeps a certificate of its own; "" is no. */ -}}
{{- define "hari.ownCertificate" -}}
{{- if and .Values.hari.webhook.enabled (not .Values.certManager.enabled) }}true{{ end -}}
{{- end -}}

{{- define "hari.webhookConfiguration" -}}
seldon-validating-webhook-configuration-{{ include "hari.namespace" . }}
{{- end -}}

{{- define "hari.priorityClass" -}}
{{- if .Values.manager.priorityClassName -}}
{{ .Values.manager.priorityClassName }}
{{- else if .Values.hari.priorityClass.create -}}
seldon-manager-{{ include "hari.namespace" . }}
{{- end -}}
{{- end -}}

{{- /* The one subject of all bindings. */ -}}
{{- define "hari.subjects" -}}
subjects:
- kind: ServiceAccount
  name: {{ .Values.serviceAccount.name }}
  namespace: {{ include "hari.namespace" . }}
{{- end -}}

{{- /* What Kubernetes cannot hold is refused here, where a schema cannot say it. */ -}}
{{- define "hari.check" -}}
{{- $m := .Values.manager -}}
{{- if not (and (gt (int $m.leaderElectionLeaseDurationSecs) (int $m.leaderElectionRenewDeadlineSecs)) (gt (int $m.leaderElectionRenewDeadlineSecs) (int $m.leaderElectionRetryPeriodSecs))) -}}
{{- fail (printf "manager.leaderElectionLeaseDurationSecs (%d) has to be more than manager.leaderElectionRenewDeadlineSecs (%d), and that more than manager.leaderElectionRetryPeriodSecs (%d)" (int $m.leaderElectionLeaseDurationSecs) (int $m.leaderElectionRenewDeadlineSecs) (int $m.leaderElectionRetryPeriodSecs)) -}}
{{- end -}}
{{- if eq (int .Values.webhook.port) (int .Values.metrics.port) -}}
{{- fail (printf "webhook.port and metrics.port are both %d: they have to differ" (int .Values.webhook.port)) -}}
{{- end -}}
{{- if and .Values.managerCreateResources .Values.certManager.enabled -}}
{{- fail "managerCreateResources and certManager.enabled exclude each other: with cert-manager the chart makes the webhook" -}}
{{- end -}}
{{- end -}}

{{- /* A value as the text of a variable: whole numbers stay whole, nothing is "". */ -}}
{{- define "hari.text" -}}
{{- if and (kindIs "float64" .) (eq (float64 (int64 .)) .) -}}
{{- . | int64 -}}
{{- else if not (kindIs "invalid" .) -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{- define "hari.rbac.full" -}}
[create, delete, get, list, patch, update, watch]
{{- end -}}

{{- /* The binding of a role to the operator: `root`, `kind`, `role`, `binding`. */ -}}
{{- define "hari.rbac.binding" }}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  name: {{ .binding }}
  {{- if eq .kind "Role" }}
  namespace: {{ include "hari.namespace" .root }}
  {{- end }}
  labels:
    {{- include "hari.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .role }}
{{ include "hari.subjects" .root }}
{{- end -}}

{{- /* A map whose values are texts: the operator reads nothing else. */ -}}
{{- define "hari.texts" -}}
{{- range $name, $value := . }}
{{ $name }}: {{ include "hari.text" $value | quote }}
{{- end }}
{{- end -}}

{{- /* Whether this release has the resource definition; "" is no. One of another release, or of none,
is left to whoever made it: several operators share one. */ -}}
{{- define "hari.definition" -}}
{{- if .Values.crd.create -}}
{{- $there := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "seldondeployments.machinelearning.seldon.io" | default dict -}}
{{- $annotations := dig "metadata" "annotations" dict $there -}}
{{- $release := get $annotations "meta.helm.sh/release-name" -}}
{{- $namespace := get $annotations "meta.helm.sh/release-namespace" -}}
{{- if or (not $there) (and (eq $release .Release.Name) (eq $namespace .Release.Namespace)) -}}
true
{{- end -}}
{{- end -}}
{{- end -}}
