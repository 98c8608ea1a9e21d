//! Defaults, validation, lowering and binding of a SeldonDeployment.
