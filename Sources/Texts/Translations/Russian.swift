extension Translations {
    static let russian: [String: String] = [
        "Tasks failed to register: [%@] These tasks will not execute properly. Fix them in the admin dashboard.":
            "Незарегистрированные задачи: [%@] Они не будут выполняться правильно. Исправьте их в панели управления.",
        "[Down] %@ Reporter: %@, Error: %@": "[Недоступен] %@ Сообщает: %@, Ошибка: %@",
        "[Good] %@ Reporter: %@, Error: %@": "[Хорошо] %@ Сообщает: %@, Ошибка: %@",
        "[IP Changed] %@, %@ => %@": "[IP изменён] %@, %@ => %@",
        "[Incident] %@(%@) %@": "[Инцидент] %@(%@) %@",
        "[Latency] %@ %@ < %@, Reporter: %@": "[Задержка] %@ %@ < %@, Сообщает: %@",
        "[Latency] %@ %@ > %@, Reporter: %@": "[Задержка] %@ %@ > %@, Сообщает: %@",
        "[Low Availability] %@ Reporter: %@, Error: %@": "[Низкая доступность] %@ Сообщает: %@, Ошибка: %@",
        "[No Data] %@ Reporter: %@, Error: %@": "[Нет данных] %@ Сообщает: %@, Ошибка: %@",
        "[Resolved] %@(%@) %@": "[Решено] %@(%@) %@",
        "[Scheduled Task Executed Failed] %@, %@\n%@": "[Запланированная задача не выполнена] %@, %@\n%@",
        "[Scheduled Task Executed Successfully] %@, %@\n%@": "[Запланированная задача выполнена] %@, %@\n%@",
        "[TLS] %@ TLS certificate changed, old: issuer %@, expires at %@; new: issuer %@, expires at %@":
            "[TLS] %@ Сертификат TLS изменён, прежний: издатель %@, действует до %@; новый: издатель %@, действует до %@",
        "[TLS] %@ The TLS certificate will expire within seven days. Expiration time: %@":
            "[TLS] %@ Сертификат TLS истекает в течение семи дней. Срок действия до: %@",
        "[TLS] Fetch cert info failed, Reporter: %@, Error: %@":
            "[TLS] Не удалось прочитать сертификат, Сообщает: %@, Ошибка: %@",
        "[Task failed] %@: server %@ is offline and cannot execute the task":
            "[Задача не выполнена] %@: сервер %@ отключён и не может выполнить задачу",
        "alert id %@ does not exist": "алерт с id %@ не существует",
        "can't delete yourself": "не может удалить сам себя",
        "cycle_interval need to be at least 1": "cycle_interval должен быть не менее 1",
        "duration need to be at least 3": "продолжительность должна быть не менее 3",
        "group id %@ does not exist": "группа с id %@ не существует",
        "have invalid notification id": "неверный id уведомления",
        "have invalid server id": "неверный идентификатор сервера",
        "incorrect password": "неверный пароль",
        "invalid role": "неверная роль",
        "invalid state key": "недопустимый ключ состояния",
        "need to configure at least a single rule": "нужно настроить хотя бы одно правило",
        "notification id %@ does not exist": "уведомление с id %@ не существует",
        "password length must be greater than 6": "длина пароля должна быть как минимум 6 символов",
        "permission denied": "доступ запрещен",
        "profile id %@ does not exist": "профиль с id %@ не существует",
        "provider not found": "провайдер не найден",
        "scheduled tasks cannot be triggered by alarms":
            "запланированные задачи не могут быть вызваны аварийными сигналами",
        "server id %@ does not exist": "сервер с id %@ не существует",
        "server not found": "сервер не найден",
        "server not found or not connected": "сервер не найден или не подключен",
        "service id %@ does not exist": "сервис с id %@ не существует",
        "task id %@ does not exist": "задача с id %@ не существует",
        "the retry count must be an integer between 1 and 10": "количество попыток должно быть целым числом от 1 до 10",
        "username can't be empty": "имя пользователя не может быть пустым",
    ]
}
