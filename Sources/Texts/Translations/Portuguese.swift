extension Translations {
    static let portuguese: [String: String] = [
        "Tasks failed to register: [%@] These tasks will not execute properly. Fix them in the admin dashboard.":
            "Tarefas que não puderam ser registradas: [%@] Elas não serão executadas corretamente. Corrija-as no painel de administração.",
        "[Down] %@ Reporter: %@, Error: %@": "[Fora do ar] %@ Informado por: %@, Erro: %@",
        "[Good] %@ Reporter: %@, Error: %@": "[Bom] %@ Informado por: %@, Erro: %@",
        "[IP Changed] %@, %@ => %@": "[IP alterado] %@, %@ => %@",
        "[Incident] %@(%@) %@": "[Incidente] %@(%@) %@",
        "[Latency] %@ %@ < %@, Reporter: %@": "[Latência] %@ %@ < %@, Informado por: %@",
        "[Latency] %@ %@ > %@, Reporter: %@": "[Latência] %@ %@ > %@, Informado por: %@",
        "[Low Availability] %@ Reporter: %@, Error: %@": "[Baixa disponibilidade] %@ Informado por: %@, Erro: %@",
        "[No Data] %@ Reporter: %@, Error: %@": "[Sem dados] %@ Informado por: %@, Erro: %@",
        "[Resolved] %@(%@) %@": "[Resolvido] %@(%@) %@",
        "[Scheduled Task Executed Failed] %@, %@\n%@": "[Tarefa agendada falhou] %@, %@\n%@",
        "[Scheduled Task Executed Successfully] %@, %@\n%@": "[Tarefa agendada executada com sucesso] %@, %@\n%@",
        "[TLS] %@ TLS certificate changed, old: issuer %@, expires at %@; new: issuer %@, expires at %@":
            "[TLS] %@ O certificado TLS mudou, antes: emissor %@, expira em %@; agora: emissor %@, expira em %@",
        "[TLS] %@ The TLS certificate will expire within seven days. Expiration time: %@":
            "[TLS] %@ O certificado TLS expira em menos de sete dias. Data de expiração: %@",
        "[TLS] Fetch cert info failed, Reporter: %@, Error: %@":
            "[TLS] Não foi possível ler o certificado, Informado por: %@, Erro: %@",
        "[Task failed] %@: server %@ is offline and cannot execute the task":
            "[Tarefa falhou] %@: o servidor %@ está desconectado e não pode executar a tarefa",
        "alert id %@ does not exist": "alerta id %@ não existe",
        "cycle_interval need to be at least 1": "cycle_interval precisa ser pelo menos 1",
        "duration need to be at least 3": "duração precisa ser pelo menos 3",
        "group id %@ does not exist": "grupo id %@ não existe",
        "have invalid notification id": "há um id de notificação inválido",
        "have invalid server id": "há um id de servidor inválido",
        "incorrect password": "senha incorreta",
        "invalid role": "função inválida",
        "invalid state key": "chave de estado inválida",
        "need to configure at least a single rule": "necessário configurar pelo menos uma única regra",
        "notification id %@ does not exist": "notificação id %@ não existe",
        "password length must be greater than 6": "comprimento da senha deve ser maior que 6",
        "permission denied": "permissão negada",
        "profile id %@ does not exist": "perfil id %@ não existe",
        "provider not found": "provedor não encontrado",
        "scheduled tasks cannot be triggered by alarms": "tarefas agendadas não podem ser desencadeadas por alarmes",
        "server id %@ does not exist": "servidor id %@ não existe",
        "server not found": "servidor não encontrado",
        "server not found or not connected": "servidor não encontrado ou não conectado",
        "service id %@ does not exist": "serviço id %@ não existe",
        "task id %@ does not exist": "a tarefa id %@ não existe",
        "the retry count must be an integer between 1 and 10":
            "a contagem de repetições deve ser um inteiro entre 1 e 10",
        "username can't be empty": "nome de usuário não pode estar vazio",
    ]
}
