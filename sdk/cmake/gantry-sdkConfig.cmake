# find_package(gantry-sdk): the target gantry::sdk and the function gantry_add_plugin(). Works where
# the SDK is installed, and in a folder that holds a copy of it: nothing here names a place.
include(${CMAKE_CURRENT_LIST_DIR}/version.cmake)
set(GANTRY_SDK_INCLUDE_DIR "")
foreach(up IN ITEMS .. ../../..) # in the copy, installed
  get_filename_component(folder ${CMAKE_CURRENT_LIST_DIR}/${up}/include ABSOLUTE)
  if(NOT GANTRY_SDK_INCLUDE_DIR AND EXISTS ${folder}/gantry/abi.h)
    set(GANTRY_SDK_INCLUDE_DIR ${folder})
  endif()
endforeach()
if(NOT GANTRY_SDK_INCLUDE_DIR)
  set(gantry-sdk_FOUND FALSE)
  set(gantry-sdk_NOT_FOUND_MESSAGE "the headers, gantry/abi.h, are not beside this folder")
  return()
endif()
if(NOT TARGET gantry::sdk)
  add_library(gantry::sdk INTERFACE IMPORTED)
  set_target_properties(gantry::sdk PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES ${GANTRY_SDK_INCLUDE_DIR})
  if(CMAKE_CXX_COMPILER_LOADED)
    set_target_properties(gantry::sdk PROPERTIES INTERFACE_COMPILE_FEATURES cxx_std_20)
  endif()
endif()
include(${CMAKE_CURRENT_LIST_DIR}/gantry_plugin.cmake)
