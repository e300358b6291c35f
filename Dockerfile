# Lintel and the simulated Bedrock on Debian 13, as a user without rights.
#
#   docker build -t lintel .
#   docker run -p 127.0.0.1:4000:4000 -e LITELLM_MASTER_KEY -e AWS_REGION_NAME --read-only \
#       --tmpfs /app/run:uid=10001 -v lintel-data:/app/data lintel
#
# (docker-compose.yml does that and more.) What AWS credentials it needs come from the environment or
# from the host's role. About 100 MB, 75 of them Debian's.
#
# Arguments go to `manage-litellm.sh run`: --config, --port, --num_workers, --detailed_debug.

FROM debian:trixie-slim AS build
WORKDIR /src
COPY . .
RUN ./manage-litellm.sh build
# The packages of the libraries that the two programs are linked with.
RUN ldd build/lintel build/bedrock-sim | awk '$2 == "=>" { print $3 }' | xargs realpath | sort -u \
    | xargs dpkg -S | cut -d: -f1 | sort -u > build/packages

FROM debian:trixie-slim
COPY --from=build /src/build/packages /usr/local/share/lintel/packages
RUN apt-get update \
    && xargs apt-get install -y --no-install-recommends ca-certificates curl < /usr/local/share/lintel/packages \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin lintel \
    && install -d -o lintel -g lintel /app/run /app/data
WORKDIR /app
COPY manage-litellm.sh LICENSE ./
COPY scripts scripts
COPY conf conf
COPY --from=build /src/build/lintel /src/build/bedrock-sim build/
USER lintel
ENV HOST=0.0.0.0 PORT=4000 LINTEL_DATA_DIRECTORY=/app/data
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD curl -fsS --noproxy '*' -o /dev/null "http://127.0.0.1:$PORT/health/readiness" || exit 1
ENTRYPOINT ["/app/manage-litellm.sh", "run"]
