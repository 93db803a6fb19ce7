# SPDX-License-Identifier: Apache-2.0
#
# parley_dependencies: the libraries the server is built on. Their headers count as system headers,
# so our warnings stop at our own code. uthash is a header in the default path.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_library(parley_dependencies INTERFACE)
target_link_libraries(parley_dependencies INTERFACE Threads::Threads m)

foreach(entry
    "UV libuv>=1.44"
    "NICE nice>=0.1.21" # ICE agent and STUN messages; brings glib
    "GLIB glib-2.0"
    "SSL libssl>=3.0"
    "CRYPTO libcrypto>=3.0"
    "LWS libwebsockets>=4.1"
    "JANSSON jansson>=2.14"
    "VPX vpx>=1.12" # VP8 and VP9 in the mixer
    "AVCODEC libavcodec>=59" # H.264 and AV1 in the mixer
    "AVUTIL libavutil>=57"
    "CAIRO cairo" # names and placeholders in composed pictures
    "PANGO pangocairo>=1.50"
    "OPUS opus>=1.3")
    string(REPLACE " " ";" entry "${entry}")
    list(POP_FRONT entry prefix)
    pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET ${entry})
    target_link_libraries(parley_dependencies INTERFACE PkgConfig::${prefix})
endforeach()

# libyuv, which scales and blends in the mixer; Debian's package has no pkg-config file, others may.
pkg_check_modules(LIBYUV QUIET libyuv)
find_path(LIBYUV_INCLUDE_DIR libyuv.h HINTS ${LIBYUV_INCLUDE_DIRS})
find_library(LIBYUV_LIBRARY yuv HINTS ${LIBYUV_LIBRARY_DIRS})
if(NOT LIBYUV_INCLUDE_DIR OR NOT LIBYUV_LIBRARY)
    message(FATAL_ERROR "libyuv is not installed (Debian: libyuv-dev)")
endif()
target_include_directories(parley_dependencies SYSTEM INTERFACE "${LIBYUV_INCLUDE_DIR}")
target_link_libraries(parley_dependencies INTERFACE "${LIBYUV_LIBRARY}")

# libipsec-mb, the fast cipher of transport/fanout_cipher and rtpsec: x86-64 only, used where it is installed; it has no pkg-config file.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    find_path(IPSEC_MB_INCLUDE_DIR intel-ipsec-mb.h)
    find_library(IPSEC_MB_LIBRARY IPSec_MB)
    if(IPSEC_MB_INCLUDE_DIR AND IPSEC_MB_LIBRARY)
        target_compile_definitions(parley_dependencies INTERFACE HAVE_IPSEC_MB)
        target_include_directories(parley_dependencies SYSTEM INTERFACE "${IPSEC_MB_INCLUDE_DIR}")
        target_link_libraries(parley_dependencies INTERFACE "${IPSEC_MB_LIBRARY}")
    else()
        message(STATUS "libipsec-mb is not installed: SRTP for viewers runs on OpenSSL alone")
    endif()
endif()

# libsrtp2, the SRTP that ours is compared with by tests and benchmarks: TARGET PkgConfig::SRTP where it is installed.
pkg_check_modules(SRTP IMPORTED_TARGET libsrtp2>=2.4)
