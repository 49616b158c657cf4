extension Translations {
    static let spanish: [String: String] = [
        "Tasks failed to register: [%@] These tasks will not execute properly. Fix them in the admin dashboard.":
            "Tareas que no se pudieron registrar: [%@] No se ejecutarán correctamente. Corríjalas en el panel de administración.",
        "[Down] %@ Reporter: %@, Error: %@": "[Caído] %@ Informado por: %@, Error: %@",
        "[Good] %@ Reporter: %@, Error: %@": "[Bien] %@ Informado por: %@, Error: %@",
        "[IP Changed] %@, %@ => %@": "[IP cambiada] %@, %@ => %@",
        "[Incident] %@(%@) %@": "[Incidente] %@(%@) %@",
        "[Latency] %@ %@ < %@, Reporter: %@": "[Latencia] %@ %@ < %@, Informado por: %@",
        "[Latency] %@ %@ > %@, Reporter: %@": "[Latencia] %@ %@ > %@, Informado por: %@",
        "[Low Availability] %@ Reporter: %@, Error: %@": "[Baja disponibilidad] %@ Informado por: %@, Error: %@",
        "[No Data] %@ Reporter: %@, Error: %@": "[Sin datos] %@ Informado por: %@, Error: %@",
        "[Resolved] %@(%@) %@": "[Resuelto] %@(%@) %@",
        "[Scheduled Task Executed Failed] %@, %@\n%@": "[Tarea programada fallida] %@, %@\n%@",
        "[Scheduled Task Executed Successfully] %@, %@\n%@": "[Tarea programada ejecutada con éxito] %@, %@\n%@",
        "[TLS] %@ TLS certificate changed, old: issuer %@, expires at %@; new: issuer %@, expires at %@":
            "[TLS] %@ El certificado TLS ha cambiado, antes: emisor %@, caduca el %@; ahora: emisor %@, caduca el %@",
        "[TLS] %@ The TLS certificate will expire within seven days. Expiration time: %@":
            "[TLS] %@ El certificado TLS caduca en menos de siete días. Fecha de caducidad: %@",
        "[TLS] Fetch cert info failed, Reporter: %@, Error: %@":
            "[TLS] No se pudo leer el certificado, Informado por: %@, Error: %@",
        "[Task failed] %@: server %@ is offline and cannot execute the task":
            "[Tarea fallida] %@: el servidor %@ está desconectado y no puede ejecutar la tarea",
        "alert id %@ does not exist": "el ID de alerta %@ no existe",
        "can't delete yourself": "no puedes eliminarte a ti mismo",
        "cycle_interval need to be at least 1": "cycle_interval debe ser al menos 1",
        "duration need to be at least 3": "la duración debe ser al menos de 3",
        "group id %@ does not exist": "el ID de grupo %@ no existe",
        "have invalid notification id": "hay un ID de notificación no válido",
        "have invalid server id": "hay un ID de servidor no válido",
        "incorrect password": "contraseña incorrecta",
        "invalid role": "rol inválido",
        "invalid state key": "clave de estado no válida",
        "need to configure at least a single rule": "es necesario configurar al menos una regla",
        "notification id %@ does not exist": "el ID de notificación %@ no existe",
        "password length must be greater than 6": "la longitud de la contraseña debe ser mayor a 6",
        "permission denied": "permiso denegado",
        "profile id %@ does not exist": "el ID de perfil %@ no existe",
        "provider not found": "proveedor no encontrado",
        "scheduled tasks cannot be triggered by alarms": "las tareas programadas no pueden ser activadas por alarmas",
        "server id %@ does not exist": "el ID de servidor %@ no existe",
        "server not found": "servidor no encontrado",
        "server not found or not connected": "servidor no encontrado o no conectado",
        "service id %@ does not exist": "el ID de servicio %@ no existe",
        "task id %@ does not exist": "el ID de la tarea %@ no existe",
        "the retry count must be an integer between 1 and 10":
            "el número de reintentos debe ser un número entero entre 1 y 10",
        "username can't be empty": "el nombre de usuario no puede estar vacío",
    ]
}
