# Before 1.0 a minor version may change what a plugin compiles against (never what one already built
# is loaded with).
include(${CMAKE_CURRENT_LIST_DIR}/version.cmake)
set(PACKAGE_VERSION ${GANTRY_SDK_VERSION})
set(PACKAGE_VERSION_COMPATIBLE FALSE)
set(PACKAGE_VERSION_EXACT FALSE)
string(REGEX MATCH "^[0-9]+\\.[0-9]+" minor ${GANTRY_SDK_VERSION})
if("${PACKAGE_FIND_VERSION}" MATCHES "^${minor}(\\.|$)"
   AND NOT PACKAGE_FIND_VERSION VERSION_GREATER GANTRY_SDK_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION VERSION_EQUAL GANTRY_SDK_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
