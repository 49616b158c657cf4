extension Translations {
    static let vietnamese: [String: String] = [
        "alert id %@ does not exist": "cảnh báo %@ không tồn tại",
        "cycle_interval need to be at least 1": "cycle_interval cần tối thiểu là 1",
        "duration need to be at least 3": "thời lượng cần tối thiểu là 3",
        "need to configure at least a single rule": "cần tối thiểu một quy tắc được thiết lập",
        "permission denied": "truy cập bị từ chối",
        "scheduled tasks cannot be triggered by alarms":
            "các công việc được lên lịch không thể được kích hoạt bởi báo động",
    ]
}
