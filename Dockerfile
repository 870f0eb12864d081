# Two stages: one that builds, from the packages that deploy/install names, and one that holds the binary and the libraries
# it loads. tests/dockerfile replays both without a container engine.
FROM debian:12 AS build
WORKDIR /src
COPY deploy/install deploy/install
RUN apt-get -qq update && deploy/install
COPY . .
RUN cmake --preset release && cmake --build build/release --target capbroker && strip build/release/capbroker

FROM debian:12-slim
# The libraries are those that the binary is linked with. tzdata: the calendars of agreements are in time zones.
RUN apt-get -qq update && \
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
      libabsl20220623 libcpp-httplib0.11 libfmt9 libgrpc++1.51 libgrpc29 libjemalloc2 libpq5 libpqxx-6.4 libprometheus-cpp-core1.0 \
      libprotobuf32 libspdlog1.10 libssl3 libsystemd0 libyaml-cpp0.7 ca-certificates tzdata && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/log/apt /var/log/dpkg.log && \
    useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin capbroker
COPY --from=build /src/build/release/capbroker /usr/bin/capbroker
LABEL org.opencontainers.image.title="Capacity Broker" \
      org.opencontainers.image.description="Places requests for compute capacity as agreements demand, and records why" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
USER 10001:10001
EXPOSE 7420 7421
# What a call would see: CAPBROKER_TARGET and CAPBROKER_TLS_CA say where, and by whom it is certified. A standby is not
# healthy, since it does not serve.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["capbroker", "health", "--deadline", "3s"]
ENTRYPOINT ["capbroker"]
CMD ["serve"]
