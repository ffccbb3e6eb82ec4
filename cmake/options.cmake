# Warnings and sanitizers for our own targets; nothing here reaches a plugin author's build.
add_library(gantry_options INTERFACE)
target_compile_options(gantry_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  -Wno-missing-field-initializers
  # GCC 12 sees overlaps in every "text" + std::string (its bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)

# CMAKE_BUILD_TYPE=Sanitizer: assertions stay on, stacks are readable, and three builds of the tests
# still end in time.
set(CMAKE_C_FLAGS_SANITIZER "-O1 -g1")
set(CMAKE_CXX_FLAGS_SANITIZER "-O1 -g1 -D_GLIBCXX_ASSERTIONS")

# gantry_uses_flow_graph(target source...): oneTBB's flow graph casts a task down to its type after it
# destroyed it, in its own headers, which the undefined-behaviour sanitizer would report here.
function(gantry_uses_flow_graph target)
  if(GANTRY_SANITIZE MATCHES "undefined")
    set_source_files_properties(${ARGN} TARGET_DIRECTORY ${target}
      PROPERTIES COMPILE_OPTIONS -fno-sanitize=vptr)
  endif()
endfunction()

option(GANTRY_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
if(GANTRY_SANITIZE)
  # For plugins too: they are loaded into the same process.
  add_compile_options(-fsanitize=${GANTRY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${GANTRY_SANITIZE})
endif()
if(GANTRY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
