# Frame Booster on NVIDIA's cards: TensorFlow with the CUDA libraries of its wheels. The driver, and nothing else, comes from
# the host, by the NVIDIA Container Toolkit. Built from the top of the repository:
#   docker build --file docker/cuda.Dockerfile --tag frame-booster:cuda .
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" --volume "$PWD:/videos" frame-booster:cuda film.mkv -o film60.mkv
FROM python:3.13.9-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/frame-booster
# Dependencies are a layer of their own, which a change of the program does not touch.
COPY requirements/cuda.txt /build/requirements.txt
RUN /opt/frame-booster/bin/pip install --require-hashes --no-deps --requirement /build/requirements.txt
COPY . /build/source
RUN /opt/frame-booster/bin/pip install --no-deps /build/source \
    && /opt/frame-booster/bin/pip check

FROM python:3.13.9-slim-bookworm
RUN useradd --create-home --uid 1000 booster
COPY --from=build /opt/frame-booster /opt/frame-booster
# What the toolkit mounts: the driver's library, and the encoder and decoder of the card.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
# Where any user may write, also one that --user names and the image does not know.
ENV PATH=/opt/frame-booster/bin:$PATH FRAME_BOOSTER_CACHE=/tmp/frame-booster PYTHONUNBUFFERED=1
USER 1000
WORKDIR /videos
ENTRYPOINT ["frame-booster"]
CMD ["--help"]
