"""Two small runtimes of MLServer: one that gives back what it gets, one that computes."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse, ResponseOutput


class Echo(MLModel):
    """Every input as an output of the same name, type, shape and elements."""

    async def predict(self, payload):
        outputs = [
            ResponseOutput(name=one.name, datatype=one.datatype, shape=one.shape, data=one.data)
            for one in payload.inputs
        ]
        return InferenceResponse(model_name=self.name, id=payload.id, outputs=outputs)


class Scale(MLModel):
    """Three times what it gets."""

    async def predict(self, payload):
        rows = NumpyCodec.decode_input(payload.inputs[0])
        output = NumpyCodec.encode_output("tripled", np.asarray(rows) * 3)
        return InferenceResponse(model_name=self.name, id=payload.id, outputs=[output])
