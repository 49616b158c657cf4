extension Translations {
    static let german: [String: String] = [
        "Tasks failed to register: [%@] These tasks will not execute properly. Fix them in the admin dashboard.":
            "Nicht registrierte Aufgaben: [%@] Sie werden nicht richtig ausgeführt. Bitte in der Verwaltung berichtigen.",
        "[Down] %@ Reporter: %@, Error: %@": "[Ausgefallen] %@ gemeldet von: %@, Fehler: %@",
        "[Good] %@ Reporter: %@, Error: %@": "[Gut] %@ gemeldet von: %@, Fehler: %@",
        "[IP Changed] %@, %@ => %@": "[IP geändert] %@, %@ => %@",
        "[Incident] %@(%@) %@": "[Vorfall] %@(%@) %@",
        "[Latency] %@ %@ < %@, Reporter: %@": "[Latenz] %@ %@ < %@, gemeldet von: %@",
        "[Latency] %@ %@ > %@, Reporter: %@": "[Latenz] %@ %@ > %@, gemeldet von: %@",
        "[Low Availability] %@ Reporter: %@, Error: %@": "[Geringe Verfügbarkeit] %@ gemeldet von: %@, Fehler: %@",
        "[No Data] %@ Reporter: %@, Error: %@": "[Keine Daten] %@ gemeldet von: %@, Fehler: %@",
        "[Resolved] %@(%@) %@": "[Behoben] %@(%@) %@",
        "[Scheduled Task Executed Failed] %@, %@\n%@": "[Geplante Aufgabe fehlgeschlagen] %@, %@\n%@",
        "[Scheduled Task Executed Successfully] %@, %@\n%@": "[Geplante Aufgabe erfolgreich ausgeführt] %@, %@\n%@",
        "[TLS] %@ TLS certificate changed, old: issuer %@, expires at %@; new: issuer %@, expires at %@":
            "[TLS] %@ TLS-Zertifikat geändert, alt: Aussteller %@, gültig bis %@; neu: Aussteller %@, gültig bis %@",
        "[TLS] %@ The TLS certificate will expire within seven days. Expiration time: %@":
            "[TLS] %@ Das TLS-Zertifikat läuft innerhalb von sieben Tagen ab. Ablaufzeit: %@",
        "[TLS] Fetch cert info failed, Reporter: %@, Error: %@":
            "[TLS] Zertifikat konnte nicht gelesen werden, gemeldet von: %@, Fehler: %@",
        "[Task failed] %@: server %@ is offline and cannot execute the task":
            "[Aufgabe fehlgeschlagen] %@: Server %@ ist offline und kann die Aufgabe nicht ausführen",
        "alert id %@ does not exist": "benachrichtigungs ID %@ existiert nicht",
        "can't delete yourself": "du kannst dich selbst nicht löschen",
        "cycle_interval need to be at least 1": "cycle_interval muss mindestens 1 sein",
        "duration need to be at least 3": "dauer muss mindestens 3 sein",
        "group id %@ does not exist": "gruppen ID %@ existiert nicht",
        "have invalid notification id": "haben ungültige Benachrichtigungs ID",
        "have invalid server id": "haben ungültige Server ID",
        "incorrect password": "falsches passwort",
        "invalid role": "fehlerhafte Rolle",
        "invalid state key": "invalider zustandsschlüssel",
        "need to configure at least a single rule": "mindestens eine Regel muss konfiguriert sein",
        "notification id %@ does not exist": "benachrichtigung ID %@ existiert nicht",
        "password length must be greater than 6": "passwort muss länger als 6 Zeichen sein",
        "permission denied": "zugriff verweigert",
        "profile id %@ does not exist": "profil ID %@ existiert nicht",
        "provider not found": "anbieter nicht gefunden",
        "scheduled tasks cannot be triggered by alarms": "geplante aufgaben können nicht durch Alarme ausgelöst werden",
        "server id %@ does not exist": "server ID %@ existiert nicht",
        "server not found": "server nicht gefunden",
        "server not found or not connected": "server nicht gefunden oder nicht verbunden",
        "service id %@ does not exist": "service ID %@ existiert nicht",
        "task id %@ does not exist": "task ID %@ existiert nicht",
        "the retry count must be an integer between 1 and 10": "der retry_count muss eine Zahl zwischen 1 und 10 sein",
        "username can't be empty": "benutzername darf nicht leer sein",
    ]
}
