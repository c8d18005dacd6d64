# imgprep in a container, as a user without rights:
#   docker build -t imgprep .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" imgprep run configs/fruits.yaml
# Optional parts, such as HEIC: docker build --build-arg EXTRAS=heif,compression -t imgprep .
ARG PYTHON=3.13

# The whole image has the compiler that imgprep._native wants.
FROM python:${PYTHON} AS build
ARG EXTRAS=""
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY native native
COPY imgprep imgprep
# hadolint ignore=DL3013
RUN python -m venv --without-pip /opt/imgprep \
    && IMGPREP_NATIVE=1 pip --python /opt/imgprep/bin/python install --no-cache-dir ".${EXTRAS:+[$EXTRAS]}" \
    && find /opt/imgprep -name tests -type d -prune -exec rm -rf {} +

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="imgprep" \
      org.opencontainers.image.description="Turns a folder of images into verified, machine-learning-ready shards, reproducibly." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/imgprep/imgprep"
COPY --from=build /opt/imgprep /opt/imgprep
RUN useradd --uid 1000 --create-home imgprep
ENV PATH=/opt/imgprep/bin:$PATH
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["imgprep"]
CMD ["--help"]
