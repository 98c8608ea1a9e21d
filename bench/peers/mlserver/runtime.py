"""The MNIST model as a custom runtime of MLServer."""

import os

import numpy as np
import tensorflow as tf
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Mnist(MLModel):
    async def load(self) -> bool:
        saved = tf.saved_model.load(os.environ["BENCH_MODEL"])
        self.predictor = saved.signatures["serving_default"]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32, copy=False)
        scores = self.predictor(image=tf.constant(rows))["output_0"].numpy()
        output = NumpyCodec.encode_output("output_0", scores)
        return InferenceResponse(model_name=self.name, outputs=[output])
