"""Many calls over one gRPC stream: what a call means stays, what it costs does not.

A grpc.aio call costs each side about half a millisecond of CPU, most of it in the library's threads and their
hand-overs; a message on an open stream costs a fraction, and frames that are ready at the same time share one.
docs/performance.md has both measured. `penstock.common.v1.MultiplexService` is the protocol:
:mod:`.serving` its server, in every GrpcServer; :mod:`.link` and :mod:`.call` its client, behind
``open_channel(…, multiplexed=[…])``.
"""
