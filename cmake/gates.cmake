# Test helpers of the gates: code that must not compile, fuzz targets, and faults planted on purpose.

# gantry_no_compile_test(name SOURCE file [CASES n] [LIBRARIES target...] [MESSAGE regex])
# `file` must compile as it is, and must not with MUST_FAIL defined as 1, 2 ... n. MESSAGE is what
# the compiler has to say then, so that a misspelt name does not pass for a refusal.
function(gantry_no_compile_test name)
  cmake_parse_arguments(arg "" "SOURCE;CASES;MESSAGE" "LIBRARIES" ${ARGN})
  if(NOT arg_CASES)
    set(arg_CASES 1)
  endif()
  if(NOT arg_MESSAGE)
    set(arg_MESSAGE "error:")
  endif()
  get_filename_component(source ${arg_SOURCE} ABSOLUTE)
  set(includes "-I${PROJECT_SOURCE_DIR}")
  foreach(library IN LISTS arg_LIBRARIES)
    set(folders "$<TARGET_PROPERTY:${library},INTERFACE_INCLUDE_DIRECTORIES>")
    list(APPEND includes "$<$<BOOL:${folders}>:-I$<JOIN:${folders},$<SEMICOLON>-I>>")
  endforeach()
  set(compile ${CMAKE_CXX_COMPILER} -std=c++${CMAKE_CXX_STANDARD} -fsyntax-only ${includes})
  add_test(NAME "${name}: compiles without the mistake" COMMAND ${compile} ${source}
           COMMAND_EXPAND_LISTS)
  set_tests_properties("${name}: compiles without the mistake" PROPERTIES LABELS no_compile)
  foreach(case RANGE 1 ${arg_CASES})
    set(test "${name}: mistake ${case} does not compile")
    add_test(NAME ${test} COMMAND ${compile} -DMUST_FAIL=${case} ${source} COMMAND_EXPAND_LISTS)
    set_tests_properties(${test} PROPERTIES LABELS no_compile
                         PASS_REGULAR_EXPRESSION "${arg_MESSAGE}")
  endforeach()
endfunction()

# gantry_fuzz(name SOURCES file... [LIBRARIES target...] [CORPUS folder])
# With GANTRY_FUZZ a libFuzzer program in build/fuzz/fuzz/; otherwise a test that runs the corpus and
# seeded mutations of it, so that the target cannot rot.
add_custom_target(gantry_fuzz)
function(gantry_fuzz name)
  cmake_parse_arguments(arg "" "CORPUS" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE gantry_options ${arg_LIBRARIES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  set(corpus "")
  if(arg_CORPUS)
    get_filename_component(corpus ${arg_CORPUS} ABSOLUTE)
  endif()
  if(GANTRY_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    file(WRITE ${CMAKE_BINARY_DIR}/fuzz/${name}.corpus "${corpus}")
    add_dependencies(gantry_fuzz ${name})
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/gates/fuzz_replay.cpp)
    add_test(NAME "${name} survives its corpus and mutations of it" COMMAND ${name} ${corpus})
    set_tests_properties("${name} survives its corpus and mutations of it" PROPERTIES LABELS fuzz)
  endif()
endfunction()

# gantry_planted(name SOURCE file CAUGHT regex [LIBRARIES target...])
# A program with a fault in it that this sanitizer must report, and a run without the fault that it
# must not.
function(gantry_planted name)
  cmake_parse_arguments(arg "" "SOURCE;CAUGHT" "LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCE})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES})
  add_test(NAME "planted fault: ${name} is caught" COMMAND ${name} faulty)
  add_test(NAME "planted fault: ${name} without the fault is clean" COMMAND ${name} clean)
  set_tests_properties("planted fault: ${name} is caught" PROPERTIES LABELS planted
                       PASS_REGULAR_EXPRESSION "${arg_CAUGHT}")
  set_tests_properties("planted fault: ${name} without the fault is clean" PROPERTIES LABELS planted
                       FAIL_REGULAR_EXPRESSION "Sanitizer|runtime error")
endfunction()
