# gantry_add_plugin(<target> MANIFEST <plugin.json> SOURCES <files...> [LIBRARIES <targets...>]
#                   [OUTPUT_DIRECTORY <folder>])
#
# One call makes a correct plugin: a loadable module that exports gantry_plugin and nothing else,
# leaves no symbol unresolved, can really be unmapped, and carries its manifest (with the toolchain
# that built it) in the ELF section .gantry_manifest, where a host reads it without running code.
# The project's language may be C, C++, or both.

# Where this file is: the version script and the section's source stand beside it.
set(GANTRY_PLUGIN_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

function(gantry_add_plugin target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MANIFEST;OUTPUT_DIRECTORY" "SOURCES;LIBRARIES")
  if(NOT arg_MANIFEST OR NOT arg_SOURCES)
    message(FATAL_ERROR "gantry_add_plugin(${target}): MANIFEST and SOURCES are needed")
  endif()
  get_filename_component(manifest ${arg_MANIFEST} ABSOLUTE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})
  file(READ ${manifest} json)
  foreach(key id name version kind interfaces licence parameters)
    string(JSON value ERROR_VARIABLE error GET "${json}" ${key})
    if(error)
      message(FATAL_ERROR "${manifest}: the manifest has no \"${key}\" (${error})")
    endif()
  endforeach()
  string(JSON json SET "${json}" toolchain "{}")
  set(compiler "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
  set(stdlib libstdc++)
  if("${CMAKE_CXX_FLAGS}" MATCHES "-stdlib=libc\\+\\+")
    set(stdlib libc++)
  endif()
  set(section_language c)
  set(sources_c ${arg_SOURCES})
  list(FILTER sources_c EXCLUDE REGEX "\\.(cc|cpp|cxx|C)$")
  if(NOT CMAKE_C_COMPILER_LOADED)
    set(section_language cpp) # a .c file would be left out without a word, and the manifest with it
  elseif("${sources_c}" STREQUAL "${arg_SOURCES}")
    set(compiler "${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}")
    set(stdlib "") # C alone needs none
  endif()
  string(JSON json SET "${json}" toolchain compiler "\"${compiler}\"")
  string(JSON json SET "${json}" toolchain stdlib "\"${stdlib}\"")
  string(JSON json SET "${json}" toolchain sdk "\"${GANTRY_SDK_VERSION}\"")

  set(json_file ${CMAKE_CURRENT_BINARY_DIR}/${target}.manifest.json)
  file(CONFIGURE OUTPUT ${json_file} CONTENT "${json}" @ONLY)
  file(READ ${json_file} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REPEAT "0x..," 12 row)
  string(REGEX REPLACE "(${row})" "\\1\n    " bytes "${bytes}")
  set(manifest_size ${size})
  set(manifest_bytes "${bytes}")
  set(section_file ${CMAKE_CURRENT_BINARY_DIR}/${target}.manifest.${section_language})
  configure_file(${GANTRY_PLUGIN_CMAKE_DIR}/manifest_section.c.in ${section_file} @ONLY)

  add_library(${target} MODULE ${arg_SOURCES} ${section_file})
  target_link_libraries(${target} PRIVATE gantry::sdk ${arg_LIBRARIES})
  set_target_properties(${target} PROPERTIES
    PREFIX "" C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON
    LINK_DEPENDS ${GANTRY_PLUGIN_CMAKE_DIR}/plugin.map)
  if(arg_OUTPUT_DIRECTORY)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${arg_OUTPUT_DIRECTORY})
  endif()
  # STB_GNU_UNIQUE symbols would keep the library mapped after dlclose.
  target_compile_options(${target} PRIVATE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
  target_link_options(${target} PRIVATE
    -Wl,--version-script=${GANTRY_PLUGIN_CMAKE_DIR}/plugin.map
    -Wl,-Bsymbolic-functions -Wl,--exclude-libs,ALL -Wl,--build-id=sha1)
  # Sanitizer runtimes live in the program, so their symbols are unresolved here by design.
  get_directory_property(options COMPILE_OPTIONS)
  if(NOT "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS} ${options}" MATCHES "-fsanitize")
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
endfunction()
