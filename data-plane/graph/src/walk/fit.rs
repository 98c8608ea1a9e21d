//! Outputs of one unit become inputs of the next.

use hari_core::{Context, Message, ModelMetadata, Payload, Typing};

use super::Parcel;
use crate::tree::Step;

impl Parcel {
    /// The same parcel for the unit of `step`.
    ///
    /// A message of the caller is left alone: it must fit as it is. In what another unit made, a
    /// single tensor is the single input, whatever the two call it; and element types are taken
    /// as read off the numbers, as they are on the wire between units, so that a double of one
    /// unit is a single of the next.
    pub(super) fn fitted(mut self, step: &Step, context: &Context) -> Self {
        if self.made {
            let signature = context.target.signature.as_deref();
            fit(&mut self.message, &step.metadata, signature);
        }
        self
    }
}

/// Fits what another unit made to the unit of this metadata.
pub(crate) fn fit(message: &mut Message, metadata: &ModelMetadata, signature: Option<&str>) {
    let Payload::Tensors(tensors) = &mut message.payload else {
        return;
    };
    for named in tensors.iter_mut() {
        named.typing = Typing::Inferred;
    }
    let inputs = metadata
        .signature(signature)
        .map_or(&[][..], |signature| &signature.inputs);
    if let ([only], [input]) = (&mut **tensors, inputs)
        && only.name != input.name
    {
        only.name.clear();
    }
}
