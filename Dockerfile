# The backend: one binary, a role for each subcommand. The context is the checkout.
#
# rust-toolchain.toml says which Rust; a test compares the two.
FROM rust:1.95.0-slim-trixie@sha256:e14e87345b4d5964ddcc3491d27ee046a0f23820f340c3c1e24da6880141f7c0 AS chef
RUN cargo install --locked cargo-chef@0.1.78 cargo-auditable@0.7.7
WORKDIR /src

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

# The dependencies are a layer of their own: a change of ours does not compile them again.
FROM chef AS build
COPY --from=plan /src/recipe.json recipe.json
RUN cargo chef cook --locked --release --package todo-backend --bin todo-backend --recipe-path recipe.json
COPY . .
# Auditable: the binary names the crates in it, so that a scan of the image finds them.
RUN cargo auditable build --locked --release --package todo-backend --bin todo-backend

# No shell, no package manager; certificates of the usual authorities, and user 65532.
FROM gcr.io/distroless/cc-debian13:nonroot@sha256:e792ab3d241a468a4fd7519ddbbebe66b49b5f365771716ea688ad40b6c6f1c2
COPY --from=build /src/target/release/todo-backend /usr/local/bin/todo-backend
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["/usr/local/bin/todo-backend"]
CMD ["serve"]
