#!/usr/bin/env python3
"""An owner: asks for capacity, follows the request, and says who has it.

  owner.py --owner openai --token-file openai.token --quantity 8000
"""

import datetime
import uuid

from broker import Broker, main, parser_of
from stubs import offers, request_calls, request_stubs, requests

Request = requests.CapacityRequest
WAITS = (Request.STATE_RECEIVED, Request.STATE_HOLDER_ROUND, Request.STATE_FALLBACK, Request.STATE_MATCH_ROUND,
         Request.STATE_CONFIRMING)


def need_of(arguments):
    """8,000 GPUs for 30 days, from 60 days on, at 2.5 USD for a GPU and hour."""
    need = Request(splittable=True)
    need.segments.add(workload_class=arguments.workload, purpose=arguments.purpose, quantity=arguments.quantity)
    terms = need.terms
    terms.resource_type, terms.region, terms.unit = "h100", "us-east", "gpu"
    # Of whole days: what is sent again with the same key has to be the same.
    start = datetime.datetime.combine(datetime.date.today(), datetime.time()) + datetime.timedelta(days=60)
    terms.start_time.FromDatetime(start)
    terms.end_time.FromDatetime(start + datetime.timedelta(days=30))
    terms.unit_price.currency_code, terms.unit_price.units, terms.unit_price.nanos = "USD", 2, 500_000_000
    # One after the other; where none is named, all that are registered.
    need.fallback_policy.providers.extend(f"providers/{name}" for name in arguments.fallback)
    return need


def run(arguments):
    broker = Broker(arguments)
    stub = request_stubs.CapacityRequestServiceStub(broker.channel)
    parent = f"owners/{arguments.owner}"
    # The key is there before the first try: after a crash, the same message with the same key finds this request.
    made = broker.call(stub.CreateCapacityRequest, request_calls.CreateCapacityRequestRequest(
        parent=parent, capacity_request=need_of(arguments), request_id=arguments.request_id))
    print(f"created {made.name}", flush=True)
    told = {}
    for message in broker.watch(stub.WatchCapacityRequests,
                                request_calls.WatchCapacityRequestsRequest(parent=parent, name=made.name)):
        for request in message.capacity_requests:
            for offer in request.offers:  # After a break they come again: only what is new is said.
                if told.get(offer.name) != offer.state:
                    told[offer.name] = offer.state
                    print(f"offer {offer.name.split('/')[-1]} to {offer.provider.split('/')[-1]} "
                          f"{offers.Offer.State.Name(offer.state)[len('STATE_'):]}", flush=True)
            if request.state in WAITS:
                continue
            for allocation in request.allocations:
                print(f"awarded {allocation.provider.split('/')[-1]} {allocation.quantity}", flush=True)
            for passed in request.unfilled_reasons:
                print(f"not {passed.provider.split('/')[-1]}: {passed.reason}", flush=True)
            state = Request.State.Name(request.state)[len("STATE_"):]
            print(f"{state}, {request.confirmed_quantity} of {request.terms.quantity}", flush=True)
            return 0 if request.state == Request.STATE_FULFILLED else 1


if __name__ == "__main__":
    parser = parser_of(__doc__)
    parser.add_argument("--owner", required=True)
    parser.add_argument("--quantity", type=int, default=8000)
    parser.add_argument("--workload", default="PRODUCT_INFERENCE")
    parser.add_argument("--purpose", default="")
    parser.add_argument("--fallback", action="append", default=[], metavar="PROVIDER", help="after the holder; repeat")
    parser.add_argument("--request-id", default=str(uuid.uuid4()), help="repeat a creation that got no answer")
    main("owner.py", run, parser.parse_args())
