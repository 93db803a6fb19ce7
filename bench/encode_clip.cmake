# SPDX-License-Identifier: Apache-2.0
#
# cmake -D OUT=FILE -D SIZE=1280x720 -D RATE=1500k -P encode_clip.cmake: ten seconds of moving VP8 with a keyframe every two, the way a
# browser's encoder is set: real-time, one pass, constant rate. The noise keeps the encoder from needing less than its rate.
find_program(FFMPEG ffmpeg)
if(NOT FFMPEG)
    message(STATUS "ffmpeg is not installed: no ${OUT}, so parley-bench has nothing to send")
    return()
endif()
get_filename_component(folder "${OUT}" DIRECTORY)
file(MAKE_DIRECTORY "${folder}")
execute_process(
    COMMAND "${FFMPEG}" -nostdin -v error -y
        -f lavfi -i "testsrc2=size=${SIZE}:rate=30:duration=10,noise=alls=6:allf=t:all_seed=1"
        -pix_fmt yuv420p -c:v libvpx -deadline realtime -cpu-used 8 -threads 1 -lag-in-frames 0 -auto-alt-ref 0
        -error-resilient default -g 60 -keyint_min 60 -b:v ${RATE} -minrate ${RATE} -maxrate ${RATE} -bufsize ${RATE}
        -f ivf "${OUT}.part"
    RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "ffmpeg could not encode ${OUT}")
endif()
file(RENAME "${OUT}.part" "${OUT}")
