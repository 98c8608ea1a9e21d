{{- /* What two charts say of a model alike. */ -}}

{{- /* The container of a model: `name`, `image`. */ -}}
{{- define "model.container" -}}
- name: {{ .name }}
  {{- if and .image.name (not .implementation) }}
  image: {{ .image.name }}{{ with .image.version }}:{{ . }}{{ end }}
  {{- end }}
{{- end -}}

{{- /* The node of a model. */ -}}
{{- define "model.node" -}}
- name: {{ .name }}
  type: MODEL
  {{- with .implementation }}
  implementation: {{ . }}
  {{- end }}
  {{- with .uri }}
  modelUri: {{ . }}
  {{- end }}
  {{- with .envSecretRefName }}
  envSecretRefName: {{ . }}
  {{- end }}
  children: []
{{- end -}}
