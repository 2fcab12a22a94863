# Frame Booster on processors: TensorFlow and OpenVINO. Built from the top of the repository:
#   docker build --file docker/cpu.Dockerfile --tag frame-booster .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/videos" frame-booster film.mkv -o film60.mkv --fps 60
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/frame-booster
# Dependencies are a layer of their own, which a change of the program does not touch.
COPY requirements/lock.txt /build/requirements.txt
RUN /opt/frame-booster/bin/pip install --require-hashes --no-deps --requirement /build/requirements.txt
COPY . /build/source
RUN /opt/frame-booster/bin/pip install --no-deps /build/source \
    && /opt/frame-booster/bin/pip check

FROM python:3.11.14-slim-bookworm
RUN useradd --create-home --uid 1000 booster
COPY --from=build /opt/frame-booster /opt/frame-booster
# Where any user may write, also one that --user names and the image does not know.
ENV PATH=/opt/frame-booster/bin:$PATH FRAME_BOOSTER_CACHE=/tmp/frame-booster PYTHONUNBUFFERED=1
USER 1000
WORKDIR /videos
ENTRYPOINT ["frame-booster"]
CMD ["--help"]
