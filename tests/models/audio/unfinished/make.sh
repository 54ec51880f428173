#!/bin/sh
# The files beside this, as ffmpeg (5.1) writes them to a pipe, or cut off: 0.3 s of 440 Hz.
# What a pipe takes can be given no length afterwards.
set -eu
cd "$(dirname "$0")"
tone() {
    ffmpeg -loglevel error -nostdin -f lavfi -i \
        "aevalsrc=0.3*sin(2*PI*440*t):s=44100:d=0.3" -c:a "$1" -fflags +bitexact -f "$2" - | cat
}
tone flac flac >pipe.flac
tone pcm_s16le wav >pipe.wav
tone pcm_s16be caf >pipe.caf
tone libvorbis ogg >pipe.ogg
tone libopus opus >pipe.opus
tone libmp3lame mp3 >pipe.mp3
head -c "$(($(wc -c <pipe.flac) * 8 / 10))" pipe.flac >cut.flac
head -c "$(($(wc -c <pipe.wav) - 2 * (13230 - 6000)))" pipe.wav >cut.wav
head -c "$(($(wc -c <pipe.caf) - 2 * (13230 - 6000)))" pipe.caf >cut.caf
