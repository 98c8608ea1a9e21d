"""`SeldonMessage` and the other messages of the Seldon protocol.

Built from descriptors rather than from generated code, so that every version of the protobuf
package from 3.20 on will do. TensorFlow's own messages are taken where it is installed: one process
cannot hold two definitions of a name.
"""

import importlib.util

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, empty_pb2, struct_pb2  # noqa: F401
from google.protobuf.internal import builder

from hari.proto.descriptors import FILES

_SELDON = "seldon/prediction.proto"


def _register() -> object:
    """Adds the descriptors to the pool and returns the one of the protocol's file."""
    pool = descriptor_pool.Default()
    if importlib.util.find_spec("tensorflow") is not None:
        importlib.import_module("tensorflow.core.framework.tensor_pb2")
    files = descriptor_pb2.FileDescriptorSet()
    files.ParseFromString(FILES)
    for file in files.file:
        if not _known(pool, file.name):
            pool.AddSerializedFile(file.SerializeToString())
    return pool.FindFileByName(_SELDON)


def _known(pool: descriptor_pool.DescriptorPool, name: str) -> bool:
    try:
        pool.FindFileByName(name)
    except KeyError:
        return False
    return True


DESCRIPTOR = _register()
builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, __name__, globals())
