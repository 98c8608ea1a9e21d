//! Folders and files in a pod, and paths of the HTTP interface.

/// Where a unit finds the files of its model.
pub const MODELS: &str = "/mnt/models";
/// Folder of the pod's annotations.
pub const PODINFO: &str = "/etc/podinfo";
/// Name of the volume mounted at [`PODINFO`].
pub const PODINFO_VOLUME: &str = "seldon-podinfo";
/// What [`PODINFO_VOLUME`] was called once; such mounts are replaced.
pub const PODINFO_VOLUME_OLD: &str = "podinfo";
/// The annotations, one `key="value"` a line.
pub const ANNOTATIONS: &str = "/etc/podinfo/annotations";
/// Certificate and key of a predictor with TLS.
pub const CERTIFICATES: &str = "/cert/";
/// Where a container writes its last words.
pub const TERMINATION_LOG: &str = "/dev/termination-log";
/// Predictions of the Seldon protocol.
pub const PREDICTIONS: &str = "/api/v1.0/predictions";
/// Feedback of the Seldon protocol.
pub const FEEDBACK: &str = "/api/v1.0/feedback";
/// Prometheus metrics in a cluster.
pub const PROMETHEUS: &str = "/prometheus";
/// Answers 200 once requests are answered.
pub const READY: &str = "/ready";
/// Answers 200 while the process is well.
pub const LIVE: &str = "/live";
