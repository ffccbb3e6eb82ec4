# Puts the configuration where an operator looks for it: etc/gantry of the prefix, or /etc/gantry
# where the prefix is /usr. A file that is there may hold edits, and is left alone.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(folder /etc/gantry)
  set(kind usr)
else()
  set(folder ${CMAKE_INSTALL_PREFIX}/etc/gantry)
  set(kind prefix)
endif()
foreach(file IN ITEMS ${gantry_generated}/${kind}/gantry.toml ${gantry_source}/dex_config.toml
        ${gantry_source}/strategies.toml)
  get_filename_component(name ${file} NAME)
  if(EXISTS $ENV{DESTDIR}${folder}/${name})
    message(STATUS "Kept: $ENV{DESTDIR}${folder}/${name}")
  else()
    file(INSTALL ${file} DESTINATION ${folder}
         PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  endif()
endforeach()
