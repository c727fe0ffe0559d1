# The server as a small image: one program, an account without rights, a health check.
#
#   docker compose build        or: docker build -t privmsg-server .
#
# scripts/try-image.sh builds and runs this very file without a registry.

FROM rust:1.91-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --manifest-path server/Cargo.toml --target-dir target \
    && install -D -s target/release/privmsg-server /out/app/privmsg-server \
    && install -d /out/app/config && install -d -m 700 /out/data

FROM debian:bookworm-slim
# Authorities that clients trust, for `doctor` to look at certificates as they do.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/app /app
COPY --from=build --chown=10001:10001 /out/data /app/data
WORKDIR /app
ENV PRIVMSG_CONFIG=/app/config/config.toml
# A number, so that Kubernetes and the like see that it is not root. `init --docker` gives the data to it.
USER 10001:10001
EXPOSE 9443
VOLUME /app/data
# Ten seconds of grace are Docker's default; the server needs five at most.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["./privmsg-server", "health"]
ENTRYPOINT ["./privmsg-server"]
CMD ["run"]
