"""A Python client that knows nothing but the address: it asks the server what there is, by reflection, and uses it.

Prints one JSON object: the services, a customer made and read again, and how a wrong id is refused.
"""

import json
import sys

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

INTAKE = "aftercare.intake.v1.IntakeService"
CALLER = (("x-aftercare-user", "us_python"), ("x-aftercare-role", "agent"), ("accept-language", "zh-CN"))


def call(channel, pool, rpc, request):
    """Calls an RPC of intake with a request given as a dict, and gives the answer as one."""
    method = pool.FindServiceByName(INTAKE).FindMethodByName(rpc)
    question = message_factory.GetMessageClass(method.input_type)
    answer = message_factory.GetMessageClass(method.output_type)
    send = channel.unary_unary(
        f"/{INTAKE}/{rpc}", request_serializer=question.SerializeToString, response_deserializer=answer.FromString
    )
    reply = send(json_format.ParseDict(request, question()), metadata=CALLER, timeout=20)
    return json_format.MessageToDict(reply)


def reason(pool, error):
    """The stable reason in the details of a refusal."""
    status_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.rpc.Status"))
    info_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.rpc.ErrorInfo"))
    packed = dict(error.trailing_metadata())["grpc-status-details-bin"]
    for detail in status_class.FromString(packed).details:
        info = info_class()
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
            return info.reason
    return None


def main(address):
    channel = grpc.insecure_channel(address)
    known = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(known)
    created = call(channel, pool, "CreateCustomer", {"name": "王秀英", "phones": [{"number": "+8613900139000"}]})
    got = call(channel, pool, "GetCustomer", {"customer_id": created["customerId"]})
    refused = {}
    try:
        call(channel, pool, "GetCustomer", {"customer_id": "cu_00000000000000000000000000"})
    except grpc.RpcError as error:
        refused = {"code": error.code().name, "reason": reason(pool, error), "message": error.details()}
    answer = {"services": sorted(known.get_services()), "created": created, "got": got, "refused": refused}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
