# `cmake --install` and `cpack -G DEB` (./dev package).
include(GNUInstallDirs)

install(TARGETS huizhen RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS huizhen-compose huizhen-hls huizhen-imaging huizhen-ingest huizhen-live huizhen-mix huizhen-mosaic huizhen-push huizhen-receive huizhen-source huizhen-studies huizhen-target RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET huizhen-demo)
  install(TARGETS huizhen-demo RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
# The documented defaults, but for the place of the data: the same for the service and for an admin's command line.
file(READ "${PROJECT_SOURCE_DIR}/huizhen.yaml" packaged_config)
string(REPLACE "dir: ./var" "dir: /var/lib/huizhen" packaged_config "${packaged_config}")
file(WRITE "${PROJECT_BINARY_DIR}/packaging/huizhen.yaml" "${packaged_config}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/huizhen.yaml")
install(FILES "${PROJECT_BINARY_DIR}/packaging/huizhen.yaml" DESTINATION /etc/huizhen)
install(FILES packaging/huizhen.service DESTINATION /lib/systemd/system)
install(FILES packaging/huizhen-sysctl.conf DESTINATION /usr/lib/sysctl.d RENAME 60-huizhen.conf)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
# The pages, when they are built (npm run build in web/).
install(DIRECTORY web/dist/ DESTINATION ${CMAKE_INSTALL_DATADIR}/huizhen/web OPTIONAL
  PATTERN "*.map" EXCLUDE)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME huizhen)
set(CPACK_PACKAGE_CONTACT "Huizhen maintainers <maintainers@huizhen.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "real-time telemedicine video gateway")
set(CPACK_PACKAGE_DESCRIPTION "Video visits and remote consultations in the browser: patient, county
clinic and experts meet through one gateway. Media goes on when a part of
the gateway is restarted or upgraded.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
# Chinese names in composed recordings.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "fonts-noto-cjk | fonts-wqy-microhei")
# What huizhen-demo's simulated participants play with.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS
  "gstreamer1.0-plugins-good, gstreamer1.0-plugins-bad, gstreamer1.0-plugins-ugly, gstreamer1.0-nice")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${PROJECT_SOURCE_DIR}/packaging/debian/postinst;${PROJECT_SOURCE_DIR}/packaging/debian/prerm;${PROJECT_SOURCE_DIR}/packaging/debian/postrm;${PROJECT_SOURCE_DIR}/packaging/debian/conffiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
