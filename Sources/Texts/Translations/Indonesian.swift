extension Translations {
    static let indonesian: [String: String] = [
        "alert id %@ does not exist": "id%@ peringatan tidak ditemukan",
        "cycle_interval need to be at least 1": "cycle_interval harus lebih dari 1",
        "duration need to be at least 3": "duration harus lebih dari 3",
        "group id %@ does not exist": "id%@ grup tidak ditemukan",
        "have invalid notification id": "memiliki id notifikasi yang invalid",
        "invalid state key": "kunci status tidak valid",
        "need to configure at least a single rule": "harus mengkonfigurasi setidaknya satu aturan",
        "notification id %@ does not exist": "id%@ notifikasi tidak ditemukan",
        "permission denied": "akses ditolak",
        "profile id %@ does not exist": "id%@ profil tidak ditemukan",
        "provider not found": "penyedia tidak ditemukan",
        "scheduled tasks cannot be triggered by alarms": "aturan terjadwal tidak dapat dipicu oleh alarm",
        "server id %@ does not exist": "id%@ server tidak ditemukan",
        "server not found or not connected": "server tidak ditemukan atau tidak terkoneksi",
        "task id %@ does not exist": "id%@ aturan tidak ditemukan",
        "the retry count must be an integer between 1 and 10": "retry count harus berupa integer antara 1 dan 10",
    ]
}
