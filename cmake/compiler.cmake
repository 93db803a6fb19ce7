# SPDX-License-Identifier: Apache-2.0
#
# parley_flags: the language, the warnings (all of them errors, with gcc and with clang), the
# sanitizers of the preset.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(parley_flags INTERFACE)
target_compile_definitions(parley_flags INTERFACE _GNU_SOURCE)
target_compile_options(parley_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wvla -Wformat=2 -Werror -fno-common -fstack-protector-strong)

if(PARLEY_SANITIZE)
    target_compile_options(parley_flags INTERFACE
        -fsanitize=${PARLEY_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(parley_flags INTERFACE
        -fsanitize=${PARLEY_SANITIZE} -fno-sanitize-recover=all)
endif()
if(PARLEY_FUZZ)
    target_compile_options(parley_flags INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(parley_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(PARLEY_LTO)
    include(CheckIPOSupported)
    check_ipo_supported(LANGUAGES C)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    target_compile_definitions(parley_flags INTERFACE _FORTIFY_SOURCE=2)
endif()

# The linker keeps what is used, whichever order glib's many libraries come in.
target_link_options(parley_flags INTERFACE -Wl,--as-needed)
