-- One database per service.
CREATE DATABASE gateway;
CREATE DATABASE intake;
CREATE DATABASE dispatch;
CREATE DATABASE parts_inventory;
CREATE DATABASE complaint;
CREATE DATABASE survey;
